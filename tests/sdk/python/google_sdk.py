"""Google's GenAI SDK as a bot would use it."""

from common import ANSWER, CITY, FAILURE, INPUT, OUTPUT, PNG, POOR_TOKEN, TOKEN, equal, raised, vendor
from google import genai
from google.genai import errors, types

MODEL = "gemini-2.5-flash"


def connect(token, **more):
    options = types.HttpOptions(base_url=vendor("google"), **more)
    return genai.Client(api_key=token, vertexai=False, http_options=options)


client = connect(TOKEN)
models = client.models
WEATHER = types.Tool(
    function_declarations=[
        {
            "name": "get_weather",
            "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
        }
    ]
)


def chat():
    answer = models.generate_content(model=MODEL, contents="ping")
    equal((answer.text, answer.usage_metadata.total_token_count), (ANSWER, INPUT + OUTPUT))
    chunks = list(models.generate_content_stream(model=MODEL, contents="ping"))
    equal("".join(chunk.text for chunk in chunks), ANSWER)


def versions():
    """The version in the path is the client's own."""
    for version in ["v1", "v1beta"]:
        one = connect(TOKEN, api_version=version)
        answer = one.models.generate_content(model=MODEL, contents="ping")
        equal(answer.text, ANSWER)


def tools():
    config = types.GenerateContentConfig(tools=[WEATHER])
    answer = models.generate_content(model=MODEL, contents="ping", config=config)
    call = answer.function_calls[0]
    equal((call.name, call.args), ("get_weather", {"city": CITY}))
    result = types.Part.from_function_response(name="get_weather", response={"sky": "sunny"})
    hello = types.Content(role="user", parts=[types.Part.from_text(text="ping")])
    talk = [hello, answer.candidates[0].content, types.Content(role="user", parts=[result])]
    equal(models.generate_content(model=MODEL, contents=talk, config=config).text, ANSWER)


def image():
    picture = types.Part.from_bytes(data=PNG, mime_type="image/png")
    equal(models.generate_content(model=MODEL, contents=[picture, "what is it?"]).text, ANSWER)


def embeddings():
    vectors = models.embed_content(model="gemini-embedding-001", contents="ping")
    equal(vectors.embeddings[0].values, [1.0, 2.0])


def ours():
    stranger, poor = connect("nobody's"), connect(POOR_TOKEN)
    error = raised(errors.ClientError, lambda: stranger.models.generate_content(model=MODEL, contents="x"))
    equal((error.code, error.status), (401, "UNAUTHENTICATED"))
    assert "gateway token" in error.message, error.message
    error = raised(errors.ClientError, lambda: poor.models.generate_content(model=MODEL, contents="x"))
    equal((error.code, error.status), (429, "RESOURCE_EXHAUSTED"))
    assert "dailyTokens" in error.message, error.message
    equal(error.details["error"]["details"][0]["reason"], "quota_exceeded")


def the_vendors():
    for status, name in [(400, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED")]:
        error = raised(errors.ClientError, lambda: models.generate_content(model=f"fail-{status}", contents="x"))
        equal(error.details, {"error": {"code": status, "message": FAILURE, "status": name}})


for part in [chat, versions, tools, image, embeddings, ours, the_vendors]:
    part()
