//! Chooses and tests the model that answers on this computer.

use baton_runner::provider::{OpenAiEndpoint, OpenAiProvider};

use crate::model_servers;
use crate::record::ModelSettings;
use crate::shell_types::{ApiKeyChoice, ModelOptions, Refusal};

/// A validated choice of a model.
pub struct Chosen {
    /// The key's slot is absent until the key is kept.
    pub model: ModelSettings,
    /// A key that is not in the secrets yet.
    pub new_key: Option<String>,
}

/// Completes the person's choice: if it names no model, takes the server's first one.
pub async fn choose(options: ModelOptions) -> Result<Chosen, Refusal> {
    let new_key = match &options.api_key {
        ApiKeyChoice::New { key } if !key.trim().is_empty() => Some(key.trim().to_owned()),
        _ => None,
    };
    let provider = checked(&options, new_key.as_deref())?;
    let named = options.model.filter(|name| !name.trim().is_empty());
    let model = match named {
        Some(named) => named,
        None => first_of(&provider).await?,
    };
    let context_chars = model_servers::context_chars(&model);
    let model = ModelSettings {
        base_url: provider.base_url().to_owned(),
        model,
        context_chars,
        api_key: None,
    };
    Ok(Chosen { model, new_key })
}

/// Asks the server for its models, with the key that it would be given.
pub async fn test(options: &ModelOptions, key: Option<&str>) -> Result<Vec<String>, Refusal> {
    let provider = checked(options, key)?;
    let models = model_servers::ask(&provider)
        .await
        .map_err(|error| model_servers::refusal(&error))?;
    let named = options.model.as_deref().map(str::trim).unwrap_or_default();
    if named.is_empty() || models.iter().any(|model| model == named) {
        return Ok(models);
    }
    Err(Refusal::new(
        format!("The server answers, but lists no model “{named}”."),
        match models.first() {
            Some(first) => format!("It lists, for example, “{first}”."),
            None => "Load one there.".to_owned(),
        },
    ))
}

fn checked(options: &ModelOptions, key: Option<&str>) -> Result<OpenAiProvider, Refusal> {
    let endpoint = OpenAiEndpoint {
        base_url: options.base_url.clone(),
        api_key: key.map(str::to_owned),
    };
    OpenAiProvider::new(&endpoint)
        .map_err(|error| Refusal::new(format!("The address cannot be used: {error}."), ""))
}

async fn first_of(provider: &OpenAiProvider) -> Result<String, Refusal> {
    let listed = model_servers::ask(provider)
        .await
        .map_err(|error| model_servers::refusal(&error))?;
    listed.into_iter().next().ok_or_else(|| {
        Refusal::new(
            "The model server offers no model.",
            "Load one there, or enter the name of one.",
        )
    })
}
