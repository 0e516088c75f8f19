#!/bin/sh
# Installs the broker's config on this host from the folder that this script is in (deno task fleet); as root, with
# Debian's nats-server. Run again after collectors were added. With DESTDIR it only lays out files, there.
set -eu
cd "$(dirname "$0")"
root=${DESTDIR:-}
drop_in=$root/etc/systemd/system/nats-server.service.d

if [ -z "$root" ]; then
  owner="-o nats -g nats"
  install -d $owner -m 700 /var/lib/nats
fi
install -d -m 755 "$root/etc" "$drop_in"
install -m 644 nats-server.conf "$root/etc"
install ${owner:-} -m 600 nats-passwords.conf "$root/etc"
# The server starts only once the VPN is up, and Debian's service does not try again.
printf '[Unit]\nAfter=tailscaled.service wg-quick.target\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=5\n' \
  > "$drop_in/vpn.conf"
# A restart, not a reload: nats-server 2.9 lets a new user in on reload, but its batches find no stream.
[ -n "$root" ] || { nats-server -t -c /etc/nats-server.conf && systemctl daemon-reload &&
  systemctl enable nats-server && systemctl restart nats-server; }
