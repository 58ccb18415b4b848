use super::*;
use crate::testing::value;
use pretty_assertions::assert_eq;

fn config(models: &[&str]) -> Value {
    let choice = |text: &&str| {
        let (vendor, model) = text.split_once('/').unwrap();
        ModelChoice { vendor: value(vendor), model: value(model) }
    };
    let models: Vec<_> = models.iter().map(choice).collect();
    Platform { port: 9200, models: &models }.config("cp_token", "172.18.0.1:18790")
}

#[test]
fn every_adapter_gets_the_base_url_that_it_appends_to() {
    let config = config(&[
        "openai/gpt-4o-mini",
        "anthropic/claude-sonnet-4-5",
        "google/gemini-2.5-pro",
        "ollama/llama3",
        "groq/a/b",
    ]);
    let providers = &config["models"]["providers"];
    let of = |id: &str| (providers[id]["baseUrl"].as_str().unwrap(), providers[id]["api"].as_str().unwrap());
    let base = |path: &str| format!("http://172.18.0.1:18790/api/v1/{path}");
    assert_eq!(of("openai-proxy"), (base("openai").as_str(), "openai-completions"));
    assert_eq!(of("anthropic-proxy"), (base("anthropic").as_str(), "anthropic-messages"));
    assert_eq!(of("google-proxy"), (base("google/v1beta").as_str(), "google-generative-ai"));
    assert_eq!(of("ollama-proxy"), (base("ollama").as_str(), "ollama"));
    assert_eq!(of("groq-proxy"), (base("groq").as_str(), "openai-completions"));
    assert_eq!(config["agents"]["defaults"]["model"]["primary"], "openai-proxy/gpt-4o-mini");
    assert_eq!(providers["groq-proxy"]["models"][0]["id"], "a/b");
}

#[test]
fn models_of_one_vendor_share_a_provider_and_the_token_is_the_only_credential() {
    let config = config(&["openai/gpt-4o", "openai/gpt-4o-mini"]);
    let provider = &config["models"]["providers"]["openai-proxy"];
    assert_eq!(provider["models"].as_array().unwrap().len(), 2);
    assert_eq!(provider["apiKey"], "cp_token");
    assert_eq!(config["gateway"]["auth"]["token"], "cp_token");
    assert_eq!(config["gateway"]["controlUi"]["allowedOrigins"][0], "http://127.0.0.1:9200");
    assert_eq!(config["models"]["mode"], "replace");
}
