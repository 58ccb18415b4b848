#!/usr/bin/env bash
# Makes the image clawplane/small-bot:1, 2 MB: a static busybox that behaves like a bot. For tests and benchmarks that need many
# bots, or an engine of their own (DOCKER_HOST).
#
# Needs: docker with an engine, a static /bin/busybox (`deploy/setup.sh --test` sees to them).
set -euo pipefail
cd "$(dirname "$0")"

image=clawplane/small-bot:1
recipe=$(cat build.sh bot.sh | sha256sum | cut -c1-16)
if [ "$(docker image inspect -f '{{index .Config.Labels "clawplane.recipe"}}' "$image" 2>/dev/null)" = "$recipe" ]; then exit 0; fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,www,tmp,etc,home/node/.openclaw,home/node/.cache}
install -m 0755 /bin/busybox "$root/bin/busybox"
for applet in sh httpd cat ls id wget; do ln -s busybox "$root/bin/$applet"; done
echo ok >"$root/www/healthz"
echo 'node:x:1000:1000::/home/node:/bin/sh' >"$root/etc/passwd"
install -m 0755 bot.sh "$root/bot.sh"
tar -c --owner=0 --group=0 -C "$root" . |
  docker import --change 'ENV PATH=/bin' --change 'CMD ["/bot.sh"]' --change "LABEL clawplane.recipe=$recipe" - "$image" >/dev/null
