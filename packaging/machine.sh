#!/usr/bin/env bash
# What the build needs from the machine: Rust, a C compiler, Python >= 3.11 with venv. Missing Debian packages are
# installed when root; anything else is named in one line.
set -euo pipefail
python=${PYTHON:-python3}
missing=()

command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v git >/dev/null || missing+=(git)
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
# Only tests want these: the seam of chaos/ is held against what strace sees, measures and rehearsals against a real PostgreSQL.
[ "$(id -u)" = 0 ] && { command -v strace >/dev/null || missing+=(strace); }
# chaos/clock.py sets the clock with it; without it that harness is named as not tried.
[ "$(id -u)" = 0 ] && { compgen -G '/usr/lib*/*/faketime/libfaketimeMT.so.1' >/dev/null || compgen -G '/usr/lib*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(libfaketime); }
# Pages are looked at in it; without it those tests say so and are skipped.
[ "$(id -u)" = 0 ] && { command -v chromium >/dev/null || missing+=(chromium); }
if [ "$(id -u)" = 0 ] && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! command -v initdb >/dev/null; then
  missing+=(postgresql)
  # The tests start servers of their own: Debian need not start one with the machine.
  [ -e /etc/postgresql-common/createcluster.conf ] || {
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  }
fi

if ((${#missing[@]})); then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "missing on this machine: ${missing[*]} (as root: apt-get install ${missing[*]})" >&2
    exit 1
  fi
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "missing on this machine: Python 3.11 or newer ($python is $("$python" -V 2>&1)); set PYTHON=" >&2
  exit 1
}
command -v cargo >/dev/null || {
  echo "missing on this machine: Rust 1.95 or newer with cargo (rustup, or your distribution's package)" >&2
  exit 1
}
