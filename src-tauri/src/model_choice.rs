//! Which model answers on this computer.

use baton_runner::provider::{OpenAiEndpoint, OpenAiProvider};
use tauri::Url;

use crate::model_servers;
use crate::record::ModelSettings;
use crate::shell_types::{ApiKeyChoice, ModelOptions, Refusal};

/// An endpoint that can be asked.
pub struct Chosen {
    /// Where, and which model. Its key's slot is absent until the key is kept.
    pub model: ModelSettings,
    /// A key that is to be kept.
    pub new_key: Option<String>,
}

/// Completes what the person chose: without a model, the server's first one.
pub async fn choose(options: ModelOptions) -> Result<Chosen, Refusal> {
    let new_key = match &options.api_key {
        ApiKeyChoice::New { key } if !key.trim().is_empty() => Some(key.trim().to_owned()),
        _ => None,
    };
    let base_url = checked(&options, new_key.as_deref())?;
    let named = options.model.filter(|name| !name.trim().is_empty());
    let model = match named {
        Some(named) => named,
        None => first_of(&base_url, new_key.as_deref()).await?,
    };
    let context_chars = model_servers::context_chars(&model);
    let model = ModelSettings {
        base_url,
        model,
        context_chars,
        api_key: None,
    };
    Ok(Chosen { model, new_key })
}

/// Asks the server for its models, with the key that it would get.
pub async fn test(options: &ModelOptions, key: Option<&str>) -> Result<Vec<String>, Refusal> {
    let base_url = checked(options, key)?;
    let models = model_servers::ask(&base_url, key)
        .await
        .map_err(|error| error.refusal())?;
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

/// Whether two addresses lead to the same server, so that a key of the one may be sent to the other.
pub fn is_same_server(one: &str, other: &str) -> bool {
    match (Url::parse(one.trim()), Url::parse(other.trim())) {
        (Ok(one), Ok(other)) => one.origin() == other.origin() && one.origin().is_tuple(),
        _ => false,
    }
}

fn checked(options: &ModelOptions, key: Option<&str>) -> Result<String, Refusal> {
    let base_url = options.base_url.trim().to_owned();
    let endpoint = OpenAiEndpoint {
        base_url: base_url.clone(),
        api_key: key.map(str::to_owned),
    };
    OpenAiProvider::new(&endpoint)
        .map_err(|error| Refusal::new(format!("The address cannot be used: {error}."), ""))?;
    Ok(base_url)
}

async fn first_of(base_url: &str, key: Option<&str>) -> Result<String, Refusal> {
    let listed = model_servers::ask(base_url, key)
        .await
        .map_err(|error| error.refusal())?;
    listed.into_iter().next().ok_or_else(|| {
        Refusal::new(
            "The model server offers no model.",
            "Load one there, or enter the name of one.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_one_scheme_host_and_port() {
        let kept = "https://api.example.com/v1";
        for same in ["https://api.example.com", "https://API.example.com:443/v1/"] {
            assert!(is_same_server(kept, same), "{same}");
        }
        for other in [
            "http://api.example.com/v1",
            "https://api.example.com:8443/v1",
            "https://api.example.com.evil.example/v1",
            "https://evil.example/?https://api.example.com/v1",
            "nonsense",
        ] {
            assert!(!is_same_server(kept, other), "{other}");
        }
        assert!(!is_same_server("nonsense", "nonsense"));
    }
}
