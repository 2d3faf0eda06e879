//! This process's part of a run that several processes share.

use super::ConfigError;
use crate::cli::RunArgs;
use crate::domain::load_stages::LoadStages;
use crate::domain::session::Plan;
use crate::domain::shard::Shard;
use crate::domain::suite::Suite;
use crate::domain::text::sanitise_line;
use crate::report::fingerprint;
use crate::report::shards::WholeRun;

/// Variables from which a scheduler's processes know their number and how many they are.
struct Scheduler {
    name: &'static str,
    /// Variable that must be set as well; Slurm sets the others for a batch script, too, which is a single process.
    only_with: Option<&'static str>,
    index: &'static str,
    /// Variables with the number of processes; the first one that is set counts.
    count: &'static [&'static str],
}

const SCHEDULERS: &[Scheduler] = &[
    Scheduler {
        name: "Slurm",
        only_with: Some("SLURM_STEP_ID"),
        index: "SLURM_PROCID",
        count: &["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"],
    },
    Scheduler { name: "Open MPI", only_with: None, index: "OMPI_COMM_WORLD_RANK", count: &["OMPI_COMM_WORLD_SIZE"] },
    Scheduler { name: "PMI", only_with: None, index: "PMI_RANK", count: &["PMI_SIZE"] },
    // Kubernetes does not tell a pod how many there are.
    Scheduler { name: "Kubernetes", only_with: None, index: "JOB_COMPLETION_INDEX", count: &["TOKSCOPE_SHARDS"] },
];

/// Returns the shard that the command line or the scheduler names, and a notice about it. `None` if the run is not
/// divided.
pub(super) fn choose(
    typed: Option<Shard>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<(Shard, String)>, ConfigError> {
    let (shard, source) = if let Some(shard) = typed {
        (shard, "--shard")
    } else if let Some(found) = SCHEDULERS.iter().find_map(|scheduler| scheduler.shard(env)) {
        found?
    } else {
        return Ok(None);
    };
    let Shard { index, count } = shard;
    let notice = format!("this is shard {index} of {count} (from {source}); `tokscope merge` joins the saved runs");
    Ok((!shard.is_whole()).then_some((shard, notice)))
}

impl Scheduler {
    fn shard(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<Result<(Shard, &'static str), ConfigError>> {
        let set = |name: &&'static str| env(name).filter(|value| !value.trim().is_empty()).map(|value| (*name, value));
        if let Some(name) = self.only_with {
            set(&name)?;
        }
        let (index, count) = (set(&self.index)?, self.count.iter().find_map(set)?);
        let number = |(name, value): &(&str, String)| {
            value.trim().parse::<u64>().map_err(|_not_a_number| {
                ConfigError(format!("{name}={}: it is no number; pass --shard i/N instead", sanitise_line(value)))
            })
        };
        let shard = number(&index).and_then(|i| {
            Shard::new(i, number(&count)?)
                .map_err(|e| ConfigError(format!("{}={i} and {}={}: {e}", index.0, count.0, sanitise_line(&count.1))))
        });
        Some(shard.map(|shard| (shard, self.name)))
    }
}

/// Load of a run.
struct Load<'a> {
    plan: &'a mut Plan,
    sweep: &'a mut Vec<usize>,
    stages: &'a mut Option<LoadStages>,
}

/// Refuses what shards cannot do without talking to each other.
fn check(args: &RunArgs) -> Result<(), ConfigError> {
    let whole = "run it as one process, with --shard 0/1 under a scheduler";
    if args.find.is_some() {
        let why = "--find steers the load by the results of all requests, so it cannot be divided";
        return Err(ConfigError(format!("{why}; {whole}")));
    }
    if args.runs.is_some_and(|runs| runs > 1) {
        return Err(ConfigError(format!("--runs compares whole runs, so it cannot be divided; {whole}")));
    }
    Ok(())
}

/// Keeps this shard's part of a run. Returns the load of all shards; `None` if the run is not divided.
pub(super) fn divide(
    args: &RunArgs,
    shard: Shard,
    probes: u32,
    suite: &mut Suite,
    (plan, sweep): (&mut Plan, &mut Vec<usize>),
) -> Result<Option<Box<WholeRun>>, ConfigError> {
    if shard.is_whole() {
        return Ok(None);
    }
    check(args)?;
    let digest = fingerprint::digest_of_shard(suite, plan, sweep);
    let load = Load { plan, sweep, stages: &mut suite.load_stages };
    load.divide(shard, probes, digest).map(|whole| Some(Box::new(whole)))
}

impl Load<'_> {
    /// Keeps this shard's part of the load. Returns the whole, with the digest of what all shards send. `probes` of the
    /// warm-ups are each shard's own.
    fn divide(self, shard: Shard, probes: u32, digest: String) -> Result<WholeRun, ConfigError> {
        let Self { plan, sweep, stages } = self;
        let whole = WholeRun { plan: *plan, sweep: sweep.clone(), load_stages: stages.clone(), digest };
        let count = shard.count;
        let part = |users: usize| shard.part_of(users as u64) as usize;
        let too_few = |what: String| {
            ConfigError(format!("{what} cannot be divided among {count} shards; ask for at least {count}"))
        };
        if let Some(requests) = plan.requests.filter(|requests| u64::from(*requests) < count) {
            return Err(too_few(format!("{requests} requests")));
        }
        if let Some(few) = sweep.iter().find(|users| (**users as u64) < count) {
            return Err(too_few(format!("a stage of --sweep with {few} requests in flight")));
        }
        *sweep = sweep.iter().map(|users| part(*users)).collect();
        if let Some(whole) = stages {
            let of_shard = whole.part_of(shard).ok_or_else(|| too_few(format!("a stage of --stages {whole}")))?;
            plan.concurrency = of_shard.most_concurrent().unwrap_or(plan.concurrency);
            *whole = of_shard;
        } else if let Some(users) = plan.limit().filter(|_| sweep.is_empty()) {
            if (users as u64) < count {
                return Err(too_few(format!("--concurrency {users}")));
            }
            plan.concurrency = part(users);
        }
        plan.open_loop = plan.open_loop.map(|open_loop| open_loop.part_of(shard));
        plan.warmup = shard.part_of(plan.warmup.saturating_sub(probes).into()) as u32 + probes;
        plan.shard = Some(shard);
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(typed: Option<&str>, set: &[(&str, &str)]) -> Result<Option<Shard>, String> {
        let env = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let typed = typed.map(|typed| typed.parse().unwrap());
        choose(typed, &env).map(|found| found.map(|(shard, _)| shard)).map_err(|e| e.to_string())
    }

    #[test]
    fn the_shard_comes_from_the_command_line_or_the_scheduler() {
        let slurm = [("SLURM_PROCID", "2"), ("SLURM_NTASKS", "4"), ("SLURM_STEP_ID", "0")];
        let shard = |index, count| Ok(Some(Shard { index, count }));
        assert_eq!(chosen(None, &[]), Ok(None));
        assert_eq!(chosen(Some("1/8"), &slurm), shard(1, 8));
        assert_eq!(chosen(Some("0/1"), &slurm), Ok(None), "a whole run under a scheduler");
        assert_eq!(chosen(None, &slurm), shard(2, 4));
        assert_eq!(chosen(None, &slurm[..2]), Ok(None), "a batch script is not a task of a step");
        let step = [&slurm[..], &[("SLURM_STEP_NUM_TASKS", "3")]].concat();
        assert_eq!(chosen(None, &step), shard(2, 3), "the step may have fewer tasks than the job");
        assert_eq!(chosen(None, &[("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2")]), shard(0, 2));
        assert_eq!(chosen(None, &[("JOB_COMPLETION_INDEX", "5"), ("TOKSCOPE_SHARDS", "6")]), shard(5, 6));
        assert_eq!(chosen(None, &[("JOB_COMPLETION_INDEX", "5")]), Ok(None));
        assert_eq!(chosen(None, &[("PMI_RANK", "0"), ("PMI_SIZE", "1")]), Ok(None));
    }

    #[test]
    fn errors_name_the_variable() {
        let why = chosen(None, &[("PMI_RANK", "x"), ("PMI_SIZE", "2")]).unwrap_err();
        assert!(why.starts_with("PMI_RANK=x: it is no number"), "{why}");
        let why = chosen(None, &[("PMI_RANK", "2"), ("PMI_SIZE", "2")]).unwrap_err();
        assert_eq!(why, "PMI_RANK=2 and PMI_SIZE=2: shards are numbered from 0, so the last of 2 is 1/2");
    }
}
