#!/bin/bash
# Run phpMyAdmin as an ordinary user: everything that changes lives in /run/phpmyadmin (a tmpfs).
set -euo pipefail

[[ ${1:-} == apache2 ]] || exec "$@"

umask 077
mkdir -p /run/phpmyadmin/tmp /run/phpmyadmin/sessions
# 32 letters and digits. A new secret only means: log in again.
secret=''
while ((${#secret} < 32)); do
    secret+=$(head -c 256 /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9')
done
printf '%s' "${secret:0:32}" >/run/phpmyadmin/secret
rm -f /run/phpmyadmin/apache.pid

exec apache2 -f /opt/inventario/apache.conf -DFOREGROUND
