// OpenAI's SDK for JavaScript as a bot would use it. What the fake vendor answers comes with the environment.
import assert from 'node:assert/strict';
import OpenAI, { toFile } from 'openai';

const { CLAWPLANE, TOKEN, POOR_TOKEN, ANSWER, FAILURE, TOOL_CITY, PNG } = process.env;
const [input, output] = [Number(process.env.INPUT), Number(process.env.OUTPUT)];
const connect = (apiKey, vendor = 'openai') => new OpenAI({ apiKey, baseURL: `${CLAWPLANE}/api/v1/${vendor}` });
const client = connect(TOKEN);
const messages = [{ role: 'user', content: 'ping' }];
const ask = (more = {}) => client.chat.completions.create({ model: 'gpt-4o-mini', messages, ...more });
const tools = [{
  type: 'function',
  function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}];

async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** The exception of exactly this class that `call` throws. */
async function thrown(kind, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.constructor, kind, String(error));
    return error;
  }
  assert.fail(`${kind.name} was not thrown`);
}

async function chat() {
  const answer = await ask();
  assert.equal(answer.choices[0].message.content, ANSWER);
  assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [input, output]);
  const chunks = await all(await ask({ stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join(''), ANSWER);
  assert(chunks.every((chunk) => !chunk.usage), 'usage that nobody asked for');
  const counted = await all(await ask({ stream: true, stream_options: { include_usage: true } }));
  assert.equal(counted.at(-1).usage.total_tokens, input + output);
}

async function toolCalls() {
  const said = (await ask({ tools })).choices[0].message;
  const call = said.tool_calls[0];
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['get_weather', { city: TOOL_CITY }]);
  const result = { role: 'tool', tool_call_id: call.id, content: 'sunny' };
  const answer = await ask({ tools, messages: [...messages, said, result] });
  assert.equal(answer.choices[0].message.content, ANSWER);
  const streamed = await client.chat.completions.stream({ model: 'gpt-4o-mini', messages, tools }).finalMessage();
  assert.deepEqual(JSON.parse(streamed.tool_calls[0].function.arguments), { city: TOOL_CITY });
}

async function image() {
  const content = [{ type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } }];
  assert.equal((await ask({ messages: [{ role: 'user', content }] })).choices[0].message.content, ANSWER);
}

async function others() {
  const answer = await client.responses.create({ model: 'gpt-5-mini', input: 'ping' });
  assert.deepEqual([answer.output_text, answer.usage.total_tokens], [ANSWER, input + output]);
  const events = await all(await client.responses.create({ model: 'gpt-5-mini', input: 'ping', stream: true }));
  const deltas = events.filter((event) => event.type === 'response.output_text.delta');
  assert.equal(deltas.map((event) => event.delta).join(''), ANSWER);
  const vectors = await client.embeddings.create({ model: 'text-embedding-3-small', input: 'ping' });
  assert.deepEqual(vectors.data[0].embedding, [1, 2]);
  // A form, not JSON.
  const file = await toFile(Buffer.from('RIFF\x00\xff', 'latin1'), 'a.wav');
  assert.equal((await client.audio.transcriptions.create({ model: 'whisper-1', file })).text, ANSWER);
}

async function ours() {
  const stranger = await thrown(OpenAI.AuthenticationError, () => connect("nobody's").models.list());
  assert.deepEqual([stranger.status, stranger.code], [401, 'invalid_token']);
  const body = { model: 'm', messages };
  const keyless = await thrown(OpenAI.BadRequestError, () => connect(TOKEN, 'groq').chat.completions.create(body));
  assert.equal(keyless.code, 'no_provider_key');
  assert.match(keyless.message, /POST \/api\/provider-key/);
  // With the SDK's own number of retries: a quota that is used up must not be tried again.
  const poor = await thrown(OpenAI.RateLimitError, () => connect(POOR_TOKEN).chat.completions.create(body));
  assert.deepEqual([poor.code, poor.type], ['quota_exceeded', 'insufficient_quota']);
  assert.match(poor.message, /dailyTokens/);
}

async function theVendors() {
  const fail = (status) => () => client.chat.completions.create({ model: `fail-${status}`, messages }, { maxRetries: 0 });
  const bad = await thrown(OpenAI.BadRequestError, fail(400));
  assert.deepEqual(bad.error, { message: FAILURE, type: 'invalid_request_error', param: 'model', code: 'told_to' });
  const busy = await thrown(OpenAI.RateLimitError, fail(429));
  assert.deepEqual([busy.code, busy.headers.get('retry-after')], ['told_to', '7']);
  assert.equal(busy.headers.get('x-should-retry'), null);
}

for (const part of [chat, toolCalls, image, others, ours, theVendors]) await part();
