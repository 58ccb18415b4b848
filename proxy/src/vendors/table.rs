//! The rows of the vendor table.

use super::{Auth, Family, StreamOptions, Vendor};

/// A vendor that speaks OpenAI's format with a bearer key: most of them.
const fn openai_like(id: &'static str, name: &'static str, base_url: &'static str) -> Vendor {
    Vendor {
        id,
        name,
        base_url: Some(base_url),
        auth: Auth::Bearer,
        family: Family::OpenAi,
        stream_options: StreamOptions::Allowed,
        prices: None,
    }
}

pub(super) const TABLE: &[Vendor] = &[
    Vendor { prices: Some("openai"), ..openai_like("openai", "OpenAI", "https://api.openai.com/v1") },
    // The client's path carries `/v1/messages`.
    Vendor {
        auth: Auth::Header("x-api-key"),
        family: Family::Anthropic,
        prices: Some("anthropic"),
        ..openai_like("anthropic", "Anthropic", "https://api.anthropic.com")
    },
    // The host only: the version is the client's, else `v1beta`.
    Vendor {
        auth: Auth::Header("x-goog-api-key"),
        family: Family::Gemini,
        prices: Some("google"),
        ..openai_like("google", "Google Gemini", "https://generativelanguage.googleapis.com")
    },
    Vendor { prices: Some("deepseek"), ..openai_like("deepseek", "DeepSeek", "https://api.deepseek.com/v1") },
    Vendor { prices: Some("groq"), ..openai_like("groq", "Groq", "https://api.groq.com/openai/v1") },
    Vendor {
        base_url: None,
        auth: Auth::Header("api-key"),
        stream_options: StreamOptions::ByApiVersion,
        prices: Some("azure"),
        ..openai_like("azure-openai", "Azure OpenAI", "")
    },
    // Sends usage in its last chunk by itself, and answered 422 to fields it does not know.
    Vendor {
        stream_options: StreamOptions::Rejected,
        prices: Some("mistral"),
        ..openai_like("mistral", "Mistral", "https://api.mistral.ai/v1")
    },
    Vendor {
        prices: Some("openrouter"),
        ..openai_like("openrouter", "OpenRouter", "https://openrouter.ai/api/v1")
    },
    Vendor {
        prices: Some("together"),
        ..openai_like("together", "Together AI", "https://api.together.xyz/v1")
    },
    Vendor {
        prices: Some("fireworks"),
        ..openai_like("fireworks", "Fireworks", "https://api.fireworks.ai/inference/v1")
    },
    // Sends usage in every chunk by itself.
    Vendor {
        stream_options: StreamOptions::Rejected,
        prices: Some("perplexity"),
        ..openai_like("perplexity", "Perplexity", "https://api.perplexity.ai")
    },
    // Chat completions are on another host: see `route.rs`.
    Vendor {
        family: Family::Cohere,
        stream_options: StreamOptions::Rejected,
        prices: Some("cohere"),
        ..openai_like("cohere", "Cohere", "https://api.cohere.com")
    },
    // Sends usage in its last chunk by itself.
    Vendor {
        stream_options: StreamOptions::Rejected,
        prices: Some("zhipuai"),
        ..openai_like("zhipu", "Zhipu", "https://open.bigmodel.cn/api/paas/v4")
    },
    // International: `https://api.moonshot.ai/v1`, as the key's base URL.
    Vendor {
        prices: Some("moonshotai"),
        ..openai_like("moonshot", "Moonshot", "https://api.moonshot.cn/v1")
    },
    // Nothing says that it takes `stream_options`; without the field it sends usage with its last chunk.
    Vendor {
        stream_options: StreamOptions::Rejected,
        ..openai_like("baichuan", "Baichuan", "https://api.baichuan-ai.com/v1")
    },
    openai_like("dashscope", "DashScope", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    // Nothing says that it takes `stream_options`; without the field it sends usage with its last chunk.
    Vendor {
        stream_options: StreamOptions::Rejected,
        ..openai_like("stepfun", "StepFun", "https://api.stepfun.com/v1")
    },
    openai_like("doubao", "Doubao", "https://ark.cn-beijing.volces.com/api/v3"),
    // International: `https://api.minimax.io/v1`, as the key's base URL.
    Vendor { prices: Some("minimax"), ..openai_like("minimax", "MiniMax", "https://api.minimaxi.com/v1") },
    // Nothing says that it takes `stream_options`; without the field it sends usage with its last chunk.
    Vendor {
        stream_options: StreamOptions::Rejected,
        ..openai_like("yi", "01.AI Yi", "https://api.lingyiwanwu.com/v1")
    },
    // Sends usage in every chunk by itself.
    Vendor {
        stream_options: StreamOptions::Rejected,
        ..openai_like("hunyuan", "Hunyuan", "https://api.hunyuan.cloud.tencent.com/v1")
    },
    openai_like("siliconflow", "SiliconFlow", "https://api.siliconflow.cn/v1"),
    openai_like("venice", "Venice", "https://api.venice.ai/api/v1"),
    // Private, so it has to be on the allow list.
    Vendor {
        auth: Auth::None,
        family: Family::Ollama,
        ..openai_like("ollama", "Ollama", "http://localhost:11434")
    },
    // The key's `apiType` picks header and family.
    Vendor { base_url: None, ..openai_like("custom", "Custom", "") },
    Vendor { prices: Some("x-ai"), ..openai_like("xai", "xAI", "https://api.x.ai/v1") },
    openai_like("nvidia", "NVIDIA", "https://integrate.api.nvidia.com/v1"),
    Vendor { prices: Some("cerebras"), ..openai_like("cerebras", "Cerebras", "https://api.cerebras.ai/v1") },
    // Its price depends on the provider behind it, which the answer does not name.
    openai_like("huggingface", "Hugging Face", "https://router.huggingface.co/v1"),
    openai_like("deepinfra", "DeepInfra", "https://api.deepinfra.com/v1/openai"),
    openai_like("github", "GitHub Models", "https://models.github.ai/inference"),
    openai_like("modelscope", "ModelScope", "https://api-inference.modelscope.cn/v1"),
    openai_like("baidu", "Baidu Qianfan", "https://qianfan.baidubce.com/v2"),
];
