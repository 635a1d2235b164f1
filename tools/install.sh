#!/bin/sh
# install.sh VENV EXTRA: create the environment VENV unless it works already,
# and install this project into it with EXTRA (`core`: without any).
set -eu
venv=$1
extra=$2

# A name on the PATH may be a shim that leads nowhere or an old version: only running it tells.
runs() { "$1" -c "$2" >/dev/null 2>&1 </dev/null; }
is_new_enough() { runs "$1" 'import sys; sys.exit(sys.version_info < (3, 10))'; }
can_make_venv() { runs "$1" 'import ensurepip, venv'; }

find_python() {
    without_venv=
    for name in python3.13 python3.12 python3.11 python3.10 python3 python; do
        is_new_enough "$name" || continue
        if can_make_venv "$name"; then
            echo "$name"
            return
        fi
        without_venv=${without_venv:-$name}
    done
    explain "$without_venv" >&2
    return 1
}

explain() {
    if [ -z "$1" ]; then
        echo "No Python 3.10 or newer is on the PATH. Install one, then run this again:"
        echo "    Debian, Ubuntu:  sudo apt-get install python3 python3-venv"
        echo "    macOS:           brew install python@3.12"
    else
        version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "Python $version is here, but not its module 'ensurepip', so it cannot create"
        echo "an environment. Install it, then run this again:"
        echo "    sudo apt-get install python$version-venv"
    fi
}

if ! runs "$venv/bin/python" 'import pip'; then
    python=$(find_python)
    echo "Creating $venv with $("$python" --version)."
    "$python" -m venv --clear "$venv"
fi

case $extra in
    core) what=. ;;
    *) what=".[$extra]" ;;
esac
echo "Installing trace-opt ($extra) into $venv; this takes a minute, once."
"$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --editable "$what"
