#!/usr/bin/env bash
# warm.sh <image> <commit option>...: runs the image once, without a network, until a chat turn has been through all of it; commits
# what that left in Node's compile cache and prints the new image's id. State and /tmp are in memory and thus not committed.
set -euo pipefail
image=$1
shift
container=''
trap '[ -z "$container" ] || docker rm -f "$container" >/dev/null' EXIT

config='{ gateway: { mode: "local", bind: "loopback", auth: { mode: "token", token: "warm" },
  http: { endpoints: { chatCompletions: { enabled: true } } } },
  models: { mode: "replace", providers: { fake: { baseUrl: "http://127.0.0.1:9999/v1", apiKey: "none", api: "openai-completions",
    models: [{ id: "m", name: "m", input: ["text"], contextWindow: 128000, maxTokens: 4096 }] } } },
  agents: { defaults: { model: { primary: "fake/m" } } } }'
# Runs beside the gateway: is the vendor that says "ok", waits for the gateway, has one turn with it.
probe='
import { createServer } from "node:http";
const chunk = (delta, finish_reason) => "data: " + JSON.stringify(
  { id: "1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason }] }) + "\n\n";
createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  request.resume().on("end", () => response.end(chunk({ role: "assistant", content: "ok" }, null) + chunk({}, "stop") + "data: [DONE]\n\n"));
}).listen(9999, "127.0.0.1");
const ask = (path, options) => fetch("http://127.0.0.1:18789" + path, { signal: AbortSignal.timeout(60000), ...options })
  .then((answer) => answer.text().then(() => answer.status), () => 0);
const end = Date.now() + 120000;
while ((await ask("/readyz")) !== 200) {
  if (Date.now() > end) process.exit(1);
  await new Promise((done) => setTimeout(done, 100));
}
const headers = { authorization: "Bearer warm", "content-type": "application/json" };
const body = JSON.stringify({ model: "openclaw", messages: [{ role: "user", content: "hello" }] });
process.exit((await ask("/v1/chat/completions", { method: "POST", headers, body })) === 200 ? 0 : 1);
'

container=$(docker create --init --network none --tmpfs /tmp:mode=1777 \
  --tmpfs /home/node:uid=1000,gid=1000,mode=0700 "$image" bash -c '
    mkdir -p -m 0700 "$OPENCLAW_STATE_DIR" && printf %s "$0" >"$OPENCLAW_CONFIG_PATH" &&
    exec node dist/index.js gateway --bind loopback --port 18789' "$config")
docker start "$container" >/dev/null
docker exec -e NODE_DISABLE_COMPILE_CACHE=1 "$container" node --input-type=module -e "$probe" >&2
docker stop -t 60 "$container" >/dev/null # Node writes the cache when it ends in order
docker commit "$@" "$container"
