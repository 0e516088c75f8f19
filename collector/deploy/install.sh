#!/bin/sh
# Installs a collector on this host from the folder that this script is in (deno task fleet); as root, with the program
# gossip-collector beside it, or in place already. With DESTDIR it only lays out files, there.
set -eu
cd "$(dirname "$0")"
root=${DESTDIR:-}
etc=$root/etc/gossip-observer
units=$root/etc/systemd/system

if [ -z "$root" ]; then
  id gossip-collector >/dev/null 2>&1 ||
    adduser --system --group --home /var/lib/gossip-observer --no-create-home gossip-collector
  owner="-o root -g gossip-collector"
fi
install -d ${owner:-} -m 750 "$etc"
install -d -m 755 "$units/gossip-collector.service.d" "$root/usr/local/bin"
for file in collector.yaml nats-password peers.txt; do
  [ ! -e "$file" ] || install ${owner:-} -m 640 "$file" "$etc"
done
# Beside and over: a running program cannot be written.
if [ -e gossip-collector ]; then
  install -m 755 gossip-collector "$root/usr/local/bin/gossip-collector.new"
  mv "$root/usr/local/bin/gossip-collector.new" "$root/usr/local/bin/gossip-collector"
fi
install -m 644 gossip-collector.service "$units"
install -m 644 broker.conf "$units/gossip-collector.service.d"
[ -n "$root" ] || { systemctl daemon-reload && systemctl enable gossip-collector && systemctl restart gossip-collector; }
