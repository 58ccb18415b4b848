use super::*;
use crate::vendors::find;

fn at(to: &str, format: Format, path: &str, model: Option<&str>) -> Option<String> {
    path_at(find(to).unwrap(), None, format, path, model)
}

fn openai(to: &str, path: &str) -> Option<String> {
    at(to, Format::OpenAi, path, Some("m"))
}

#[test]
fn openais_paths_are_those_of_the_stand_in() {
    let chat = "chat/completions";
    assert_eq!(openai("groq", chat).as_deref(), Some(chat));
    assert_eq!(openai("groq", "v1/embeddings").as_deref(), Some("embeddings"));
    assert_eq!(openai("groq", "v1/completions").as_deref(), Some("completions"));
    assert_eq!(openai("google", chat).as_deref(), Some("openai/chat/completions"));
    assert_eq!(openai("azure-openai", chat).as_deref(), Some("openai/v1/chat/completions"));
    let deployed = "openai/deployments/mine/chat/completions";
    assert_eq!(openai("openai", deployed).as_deref(), Some(chat));
    assert_eq!(openai("mistral", "v1beta/openai/chat/completions").as_deref(), Some(chat));
    assert_eq!(openai("cohere", chat).as_deref(), Some(chat));
    assert_eq!(openai("cohere", "completions"), None, "it would be taken for Cohere's own");
    assert_eq!(openai("anthropic", chat).as_deref(), Some(chat));
    assert_eq!(openai("anthropic", "embeddings"), None);
    assert_eq!(openai("groq", "models"), None);
    assert_eq!(openai("groq", "xchat/completions").as_deref(), Some("completions"));
    let responses = at("groq", Format::OpenAiResponses, "v1/responses", None);
    assert_eq!(responses.as_deref(), Some("responses"));
    assert_eq!(at("anthropic", Format::OpenAiResponses, "responses", None), None);
}

#[test]
fn a_format_is_never_left() {
    assert_eq!(at("openai", Format::Anthropic, "v1/messages", None), None);
    assert_eq!(at("custom", Format::Anthropic, "v1/messages", None), None, "its key says nothing");
    let custom = find("custom").unwrap();
    let path = path_at(custom, Some(ApiType::Anthropic), Format::Anthropic, "v1/messages", Some("m"));
    assert_eq!(path.as_deref(), Some("v1/messages"));
    assert_eq!(path_at(custom, Some(ApiType::Gemini), Format::Anthropic, "v1/messages", None), None);
}

#[test]
fn a_model_in_the_path_is_put_there() {
    let ask = "v1beta/models/gemini-2.5-pro:streamGenerateContent";
    let google = |path: &str, model: Option<&str>| at("google", Format::Gemini, path, model);
    assert_eq!(google(ask, None).as_deref(), Some(ask));
    let flash = google(ask, Some("gemini-2.5-flash"));
    assert_eq!(flash.as_deref(), Some("v1beta/models/gemini-2.5-flash:streamGenerateContent"));
    for model in ["a/b", "a?b", "..", "a:b", "a%2e", "ä"] {
        assert_eq!(google(ask, Some(model)), None, "{model}");
    }
    assert_eq!(google("v1beta/tunedModels/x:generateContent", Some("m")), None);
    assert_eq!(google("v1beta/models/x", Some("m")), None);
}

#[test]
fn what_two_vendors_have_in_common() {
    let shared = |from: &str, to: &str| shared_formats(find(from).unwrap(), find(to).unwrap());
    assert_eq!(shared("openai", "groq"), [Format::OpenAi, Format::OpenAiResponses]);
    assert_eq!(shared("anthropic", "openai"), [Format::OpenAi]);
    assert_eq!(shared("anthropic", "custom"), [Format::Anthropic, Format::OpenAi]);
    assert_eq!(shared("google", "cohere"), [Format::OpenAi]);
}
