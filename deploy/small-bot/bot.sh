#!/bin/sh
# Behaves like a bot as far as the platform sees it: answers /healthz on OpenClaw's port until it is told to end.
echo "the bot starts"
trap 'exit 0' TERM
httpd -f -p 18789 -h /www &
wait
