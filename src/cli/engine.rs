//! Options of the simulator's engine model.

use clap::Args;

use super::values::not_negative;
use crate::sim::{EngineConfig, MAX_BURST, MAX_KV_BLOCKS};

const HEADING: &str = "Engine model";

/// Parameters of the engine model. The defaults are those of `--demo`.
#[derive(Args, Debug)]
#[command(next_help_heading = HEADING)]
pub struct EngineArgs {
    /// Share an engine with continuous batching among all requests, as in `--demo`
    #[arg(long, conflicts_with_all = ["ttft_ms", "tokens_per_s"])]
    pub engine: bool,
    /// Time of an engine step before any token, in milliseconds
    #[arg(long, value_name = "X", requires = "engine", default_value_t = defaults().step_ms, value_parser = not_negative)]
    pub engine_step_ms: f64,
    /// Additional time of a step per decoding sequence, in milliseconds
    #[arg(long, value_name = "X", requires = "engine", default_value_t = defaults().decode_ms, value_parser = not_negative)]
    pub engine_decode_ms: f64,
    /// Additional time of a step per prompt token, in milliseconds
    #[arg(long, value_name = "X", requires = "engine", default_value_t = defaults().prefill_ms, value_parser = not_negative)]
    pub engine_prefill_ms: f64,
    /// Token budget of a step: one per decoding sequence, the rest for prompts
    #[arg(long, value_name = "N", requires = "engine", default_value_t = defaults().batch_tokens)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub engine_batch_tokens: u32,
    /// Maximum number of sequences in a step; further requests wait
    #[arg(long, value_name = "N", requires = "engine", default_value_t = defaults().max_batch)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub engine_max_batch: u32,
    /// Size of the KV cache in blocks of 16 tokens
    #[arg(long, value_name = "N", requires = "engine", default_value_t = defaults().kv_blocks)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_KV_BLOCKS)))]
    pub engine_kv_blocks: u32,
    /// Answer HTTP 429 while N requests wait [default: no limit]
    #[arg(long, value_name = "N", requires = "engine", value_parser = clap::value_parser!(u32).range(1..))]
    pub engine_max_waiting: Option<u32>,
    /// Maximum number of tokens per event (speculative decoding)
    #[arg(long, value_name = "N", requires = "engine", default_value_t = defaults().burst)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_BURST)))]
    pub engine_burst: u32,
    /// Mean time between stalls of 0.6 to 0.9 s, in seconds of work; 0 for none
    #[arg(long, value_name = "S", requires = "engine", default_value_t = defaults().stall_every_s, value_parser = not_negative)]
    pub engine_stall_every_s: f64,
    /// Seed of jitter, bursts and stalls
    #[arg(long, value_name = "N", requires = "engine", default_value_t = defaults().seed)]
    pub engine_seed: u64,
}

fn defaults() -> EngineConfig {
    EngineConfig::default()
}

impl EngineArgs {
    /// Returns the parameters of the engine; `None` without `--engine`.
    pub fn config(&self) -> Option<EngineConfig> {
        self.engine.then_some(EngineConfig {
            step_ms: self.engine_step_ms,
            decode_ms: self.engine_decode_ms,
            prefill_ms: self.engine_prefill_ms,
            batch_tokens: self.engine_batch_tokens,
            max_batch: self.engine_max_batch,
            kv_blocks: self.engine_kv_blocks,
            max_waiting: self.engine_max_waiting,
            burst: self.engine_burst,
            stall_every_s: self.engine_stall_every_s,
            seed: self.engine_seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(args: &[&str]) -> Result<Option<EngineConfig>, String> {
        let cli = Cli::try_parse_from([&["tokscope", "sim"], args].concat()).map_err(|error| error.to_string())?;
        let Some(Command::Sim(sim)) = cli.command else { panic!("not the simulator") };
        Ok(sim.engine.config())
    }

    #[test]
    fn the_engine_model_has_the_defaults_of_the_demo() {
        assert_eq!(parse(&[]), Ok(None));
        assert_eq!(parse(&["--engine"]), Ok(Some(EngineConfig::default())));
        let config = parse(&["--engine", "--engine-max-batch", "4", "--engine-max-waiting", "2"]).unwrap().unwrap();
        assert_eq!((config.max_batch, config.max_waiting), (4, Some(2)));
    }

    #[test]
    fn options_of_both_models_are_not_mixed() {
        for args in
            [&["--engine", "--ttft-ms", "10"][..], &["--engine", "--tokens-per-s", "9"], &["--engine-burst", "2"]]
        {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn the_documentation_lists_every_option_with_its_default() {
        let page = include_str!("../../docs/simulator.md");
        let defaults = EngineConfig::default();
        for (option, default) in [
            ("step-ms", defaults.step_ms.to_string()),
            ("decode-ms", defaults.decode_ms.to_string()),
            ("prefill-ms", defaults.prefill_ms.to_string()),
            ("batch-tokens", defaults.batch_tokens.to_string()),
            ("max-batch", defaults.max_batch.to_string()),
            ("kv-blocks", defaults.kv_blocks.to_string()),
            ("max-waiting", "no limit".to_owned()),
            ("burst", defaults.burst.to_string()),
            ("stall-every-s", defaults.stall_every_s.to_string()),
            ("seed", defaults.seed.to_string()),
        ] {
            let row = page.lines().find(|line| line.starts_with(&format!("| `--engine-{option}` |"))).unwrap();
            assert!(row.ends_with(&format!("| {default} |")), "{row}");
        }
    }
}
