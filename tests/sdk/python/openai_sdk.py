"""OpenAI's SDK as a bot would use it: the gateway token as its key, the proxy as its base URL."""

import json

import openai
from common import ANSWER, CITY, FAILURE, INPUT, OUTPUT, PNG_BASE64, POOR_TOKEN, TOKEN, equal, raised, vendor

client = openai.OpenAI(api_key=TOKEN, base_url=vendor("openai"))
HELLO = [{"role": "user", "content": "ping"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(**more):
    return client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": HELLO, **more})


def chat():
    answer = ask()
    equal(answer.choices[0].message.content, ANSWER)
    equal((answer.usage.prompt_tokens, answer.usage.completion_tokens), (INPUT, OUTPUT))
    chunks = list(ask(stream=True))
    equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks), ANSWER)
    assert all(chunk.usage is None for chunk in chunks), "usage that nobody asked for"
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    equal((chunks[-1].choices, chunks[-1].usage.total_tokens), ([], INPUT + OUTPUT))


def tools():
    call = ask(tools=[WEATHER]).choices[0].message.tool_calls[0]
    equal((call.function.name, json.loads(call.function.arguments)), ("get_weather", {"city": CITY}))
    said = {"role": "assistant", "tool_calls": [call.model_dump()]}
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    equal(ask(tools=[WEATHER], messages=[*HELLO, said, result]).choices[0].message.content, ANSWER)
    deltas = [chunk.choices[0].delta for chunk in ask(tools=[WEATHER], stream=True)]
    pieces = [piece.function.arguments or "" for delta in deltas for piece in delta.tool_calls or []]
    equal(json.loads("".join(pieces)), {"city": CITY})


def image():
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}}
    equal(ask(messages=[{"role": "user", "content": [url]}]).choices[0].message.content, ANSWER)


def responses():
    answer = client.responses.create(model="gpt-5-mini", input="ping")
    equal((answer.output_text, answer.usage.total_tokens), (ANSWER, INPUT + OUTPUT))
    events = list(client.responses.create(model="gpt-5-mini", input="ping", stream=True))
    equal("".join(event.delta for event in events if event.type == "response.output_text.delta"), ANSWER)
    equal(events[-1].response.usage.output_tokens, OUTPUT)


def others():
    vectors = client.embeddings.create(model="text-embedding-3-small", input="ping")
    equal(vectors.data[0].embedding, [1.0, 2.0])
    # A form, not JSON.
    spoken = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF\x00\xff"))
    equal(spoken.text, ANSWER)


def ours():
    stranger = openai.OpenAI(api_key="nobody's", base_url=vendor("openai"))
    error = raised(openai.AuthenticationError, stranger.models.list)
    equal((error.status_code, error.code), (401, "invalid_token"))
    assert "gateway token" in error.message, error.message
    keyless = openai.OpenAI(api_key=TOKEN, base_url=vendor("groq"))
    error = raised(openai.BadRequestError, lambda: keyless.chat.completions.create(model="m", messages=HELLO))
    equal(error.code, "no_provider_key")
    assert "POST /api/provider-key" in error.message, error.message
    # With the SDK's own number of retries: a quota that is used up must not be tried again.
    poor = openai.OpenAI(api_key=POOR_TOKEN, base_url=vendor("openai"))
    error = raised(openai.RateLimitError, lambda: poor.chat.completions.create(model="m", messages=HELLO))
    equal((error.code, error.type), ("quota_exceeded", "insufficient_quota"))
    assert "dailyTokens" in error.message and int(error.response.headers["retry-after"]) > 0


def the_vendors():
    once = client.with_options(max_retries=0).chat.completions
    error = raised(openai.BadRequestError, lambda: once.create(model="fail-400", messages=HELLO))
    wanted = {"message": FAILURE, "type": "invalid_request_error", "param": "model", "code": "told_to"}
    equal((error.body, error.response.json()), (wanted, {"error": wanted}))
    error = raised(openai.RateLimitError, lambda: once.create(model="fail-429", messages=HELLO))
    equal((error.code, error.response.headers["retry-after"]), ("told_to", "7"))
    assert "x-should-retry" not in error.response.headers


for part in [chat, tools, image, responses, others, ours, the_vendors]:
    part()
