//! An OpenAI-compatible vendor that echoes.
