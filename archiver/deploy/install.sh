#!/bin/sh
# Installs the archiver on this host from the folder that this script is in (deno task fleet); as root, from
# /opt/gossip-observer. Run again, it brings in what has changed. With DESTDIR it only lays out files, there.
set -eu
cd "$(dirname "$0")"
root=${DESTDIR:-}
etc=$root/etc/gossip-observer
units=$root/etc/systemd/system

if [ -z "$root" ]; then
  id gossip-archiver >/dev/null 2>&1 ||
    adduser --system --group --home /var/lib/gossip-archiver --no-create-home gossip-archiver
  DENO_DIR=/opt/gossip-observer-cache /usr/local/bin/deno cache --quiet \
    /opt/gossip-observer/archiver/main.ts /opt/gossip-observer/archiver/analytics/worker.ts \
    /opt/gossip-observer/archiver/postgres/catalogue_worker.ts
  chmod -R go+rX /opt/gossip-observer-cache
  owner="-o root -g gossip-archiver"
fi
install -d -m 755 "$etc" "$units/gossip-archiver.service.d"
install ${owner:-} -m 640 archiver.yaml archiver-password "$etc"
install -m 644 gossip-archiver.service "$units"
install -m 644 broker.conf "$units/gossip-archiver.service.d"
[ -n "$root" ] || { systemctl daemon-reload && systemctl enable gossip-archiver && systemctl restart gossip-archiver; }
