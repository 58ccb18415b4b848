"""Ollama's own SDK as a bot would use it: the gateway token goes where Ollama's cloud wants its key."""

import ollama
from common import ANSWER, CITY, FAILURE, INPUT, OUTPUT, PNG, POOR_TOKEN, TOKEN, equal, raised, vendor

HELLO = [{"role": "user", "content": "ping"}]


def connect(token):
    return ollama.Client(host=vendor("ollama"), headers={"authorization": f"Bearer {token}"})


client = connect(TOKEN)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def chat():
    answer = client.chat("llama3", HELLO)
    equal((answer.message.content, answer.prompt_eval_count, answer.eval_count), (ANSWER, INPUT, OUTPUT))
    lines = list(client.chat("llama3", HELLO, stream=True))
    equal("".join(line.message.content for line in lines), ANSWER)
    equal((lines[-1].done, lines[-1].eval_count), (True, OUTPUT))
    equal(client.generate("llama3", "ping").response, ANSWER)
    equal("".join(line.response for line in client.generate("llama3", "ping", stream=True)), ANSWER)


def tools():
    message = client.chat("llama3", HELLO, tools=[WEATHER]).message
    call = message.tool_calls[0].function
    equal((call.name, call.arguments), ("get_weather", {"city": CITY}))
    talk = [*HELLO, message, {"role": "tool", "tool_name": "get_weather", "content": "sunny"}]
    equal(client.chat("llama3", talk, tools=[WEATHER]).message.content, ANSWER)
    lines = list(client.chat("llama3", HELLO, tools=[WEATHER], stream=True))
    equal(lines[0].message.tool_calls[0].function.arguments, {"city": CITY})


def image():
    answer = client.chat("llama3", [{"role": "user", "content": "what is it?", "images": [PNG]}])
    equal(answer.message.content, ANSWER)


def embeddings():
    equal(client.embed("nomic-embed-text", "ping").embeddings, [[1.0, 2.0]])


def ours():
    error = raised(ollama.ResponseError, lambda: connect("nobody's").chat("llama3", HELLO))
    equal(error.status_code, 401)
    assert "gateway token" in error.error, error.error
    error = raised(ollama.ResponseError, lambda: connect(POOR_TOKEN).chat("llama3", HELLO))
    equal(error.status_code, 429)
    assert "dailyTokens" in error.error, error.error


def the_vendors():
    for status in [400, 429]:
        error = raised(ollama.ResponseError, lambda: client.chat(f"fail-{status}", HELLO))
        equal((error.status_code, error.error), (status, FAILURE))


for part in [chat, tools, image, embeddings, ours, the_vendors]:
    part()
