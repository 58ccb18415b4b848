"""Anthropic's SDK as a bot would use it."""

import anthropic
from common import ANSWER, CITY, FAILURE, OUTPUT, PNG_BASE64, POOR_TOKEN, TOKEN, equal, raised, vendor

client = anthropic.Anthropic(api_key=TOKEN, base_url=vendor("anthropic"))
HELLO = [{"role": "user", "content": "ping"}]
WEATHER = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


def ask(of=client, **more):
    return of.messages.create(**{"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": HELLO, **more})


def chat():
    answer = ask()
    equal((answer.content[0].text, answer.usage.output_tokens), (ANSWER, OUTPUT))
    with client.messages.stream(model="claude-sonnet-4-5", max_tokens=64, messages=HELLO) as stream:
        equal("".join(stream.text_stream), ANSWER)
        equal(stream.get_final_message().usage.output_tokens, OUTPUT)


def tools():
    answer = ask(tools=[WEATHER])
    call = answer.content[0]
    equal((answer.stop_reason, call.name, call.input), ("tool_use", "get_weather", {"city": CITY}))
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    talk = [*HELLO, {"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    equal(ask(tools=[WEATHER], messages=talk).content[0].text, ANSWER)
    with client.messages.stream(
        model="claude-sonnet-4-5", max_tokens=64, messages=HELLO, tools=[WEATHER]
    ) as stream:
        equal(stream.get_final_message().content[0].input, {"city": CITY})


def image():
    source = {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}
    equal(ask(messages=[{"role": "user", "content": [{"type": "image", "source": source}]}]).content[0].text, ANSWER)


def ours():
    stranger = anthropic.Anthropic(api_key="nobody's", base_url=vendor("anthropic"))
    error = raised(anthropic.AuthenticationError, lambda: ask(stranger))
    equal(error.status_code, 401)
    equal((error.body["error"]["type"], error.body["error"]["code"]), ("authentication_error", "invalid_token"))
    assert "gateway token" in str(error), error
    # With the SDK's own number of retries: a quota that is used up must not be tried again.
    poor = anthropic.Anthropic(api_key=POOR_TOKEN, base_url=vendor("anthropic"))
    error = raised(anthropic.RateLimitError, lambda: ask(poor))
    equal((error.body["error"]["type"], error.body["error"]["code"]), ("billing_error", "quota_exceeded"))
    assert "dailyTokens" in str(error) and int(error.response.headers["retry-after"]) > 0


def the_vendors():
    once = client.with_options(max_retries=0)
    error = raised(anthropic.BadRequestError, lambda: ask(once, model="fail-400"))
    wanted = {"type": "invalid_request_error", "message": FAILURE}
    equal(error.response.json(), {"type": "error", "error": wanted, "request_id": "req_1"})
    error = raised(anthropic.RateLimitError, lambda: ask(once, model="fail-429"))
    equal((error.body["error"]["message"], error.response.headers["retry-after"]), (FAILURE, "7"))
    assert "x-should-retry" not in error.response.headers


for part in [chat, tools, image, ours, the_vendors]:
    part()
