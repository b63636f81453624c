//! Which model answers on this computer.

use baton_runner::provider::{OpenAiEndpoint, OpenAiProvider};

use crate::model_servers;
use crate::settings::ModelSettings;
use crate::shell_types::{Refusal, StartLocalOptions};

/// An endpoint that can be asked, and its key.
pub struct Chosen {
    /// Where, and which model.
    pub model: ModelSettings,
    /// The server's key, where it needs one.
    pub api_key: Option<String>,
}

/// Completes what the person chose: without an address the first server that is found on this computer, without a model its first one.
pub async fn choose(options: StartLocalOptions) -> Result<Chosen, Refusal> {
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let api_key = filled(options.api_key);
    let (base_url, model) = match filled(options.base_url) {
        Some(base_url) => {
            let model =
                named_or_first(&base_url, api_key.as_deref(), filled(options.model)).await?;
            (base_url, model)
        }
        None => first_found().await?,
    };
    let endpoint = OpenAiEndpoint {
        base_url: base_url.clone(),
        api_key: api_key.clone(),
    };
    OpenAiProvider::new(&endpoint)
        .map_err(|error| Refusal::new(format!("The address cannot be used: {error}."), ""))?;
    let context_chars = model_servers::context_chars(&model);
    let model = ModelSettings {
        base_url,
        model,
        context_chars,
    };
    Ok(Chosen { model, api_key })
}

async fn named_or_first(
    base_url: &str,
    api_key: Option<&str>,
    named: Option<String>,
) -> Result<String, Refusal> {
    if let Some(named) = named {
        return Ok(named);
    }
    let listed = model_servers::models(base_url, api_key).await;
    let listed = listed.ok_or_else(|| {
        Refusal::new(
            "The model server does not answer.",
            "Check that it runs, its address and its key.",
        )
    })?;
    listed.into_iter().next().ok_or_else(|| {
        Refusal::new(
            "The model server offers no model.",
            "Load one there, or name one.",
        )
    })
}

async fn first_found() -> Result<(String, String), Refusal> {
    let found = model_servers::detect().await.into_iter();
    let mut usable = found.filter_map(|server| {
        let model = server.models.into_iter().next()?;
        Some((server.base_url, model))
    });
    usable.next().ok_or_else(|| {
        Refusal::new(
            "No model server was found on this computer.",
            "Start Ollama, LM Studio or llama.cpp, or `cargo xtask model-server` for the small local model, and try again.",
        )
    })
}
