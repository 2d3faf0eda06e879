//! The simulated GPU of the built-in simulator, read from the simulator's metrics page. Only `--demo` uses this source.

use super::SamplerConfig;
use super::page::Fetcher;
use super::source::{GpuSource, SampleError, WithSource};
use crate::domain::gpu::{GpuInfo, GpuSample, SIMULATED_SOURCE};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::time::Nanos;
use crate::protocol::dcgm::{Reading, read};

/// Name of the GPU if the page gives none. The name must never look like that of a real GPU.
const NAME: &str = "Simulated GPU";

/// Opens the simulator's page, the first in the configuration.
pub(super) fn open(config: &SamplerConfig, then: WithSource<'_>) -> Result<(), String> {
    let url = config.metrics_urls.first().ok_or("the simulator has no metrics page")?;
    let mut source =
        SimulatedSource { fetcher: Fetcher::new()?, url: url.clone(), reading: Err(String::new()), gpus: Vec::new() };
    source.read_page();
    then(&mut source);
    Ok(())
}

struct SimulatedSource {
    fetcher: Fetcher,
    url: String,
    /// Figures on the page, or the reason why there are none.
    reading: Result<Reading, String>,
    /// The GPU; empty until a page had its figures.
    gpus: Vec<GpuInfo>,
}

impl SimulatedSource {
    fn read_page(&mut self) {
        let first = |page: String| read(&page).into_iter().next();
        let page = self.fetcher.fetch(&self.url);
        self.reading = page.and_then(|page| first(page).ok_or_else(|| "the simulator reports no GPU".to_owned()));
        if let Ok(reading) = &self.reading {
            self.gpus = vec![info(reading)];
        }
    }
}

fn info(reading: &Reading) -> GpuInfo {
    GpuInfo {
        uuid: reading.key.uuid.clone(),
        model: reading.model.clone().unwrap_or_else(|| NAME.to_owned()),
        memory_total_bytes: reading.memory_total_bytes().map(|(bytes, _)| bytes),
        power_limit_w: reading.power_limit_w(),
        max_sm_clock_mhz: reading.max_sm_clock_mhz(),
        ..GpuInfo::default()
    }
}

impl GpuSource for SimulatedSource {
    fn name(&self) -> &'static str {
        SIMULATED_SOURCE
    }

    fn prepare(&mut self, _at: Nanos) {
        self.read_page();
    }

    fn driver(&self) -> Option<&str> {
        None
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        self.gpus.clone()
    }

    fn absent(&self) -> Option<String> {
        self.reading.as_ref().err().cloned()
    }

    fn scope(&self) -> Option<GpuScope> {
        let gpus: Vec<String> = self.gpus.iter().filter_map(|gpu| gpu.uuid.clone()).collect();
        (!gpus.is_empty()).then(|| GpuScope::EndpointHost { evidence: "simulated with the server".to_owned(), gpus })
    }

    fn sample(&mut self, _position: usize, at: Nanos) -> Result<GpuSample, SampleError> {
        let reading = self.reading.as_ref().map_err(|why| SampleError::Silent(why.clone()))?;
        Ok(GpuSample {
            at,
            index: 0,
            memory_used_bytes: reading.memory_used_bytes(),
            memory_reserved_bytes: None,
            utilization_percent: reading.utilization_percent(),
            power_w: reading.power_w(),
            temperature_c: reading.temperature_c(),
            sm_clock_mhz: reading.sm_clock_mhz(),
            energy_j: reading.energy_j(),
            throttle: reading.throttle(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::telemetry::GpuChoice;

    /// Starts a server that sends these bodies, one per connection.
    fn serve(bodies: Vec<&'static str>) -> SamplerConfig {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for body in bodies {
                let (mut stream, _) = listener.accept().unwrap();
                let _request = stream.read(&mut [0; 4096]).unwrap();
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        SamplerConfig { choice: GpuChoice::SIMULATED, metrics_urls: vec![url], ..SamplerConfig::default() }
    }

    const PAGE: &str = "DCGM_FI_DEV_POWER_USAGE{gpu=\"0\",UUID=\"s\",modelName=\"Simulated GPU\"} 70\n";

    #[test]
    fn the_gpu_is_named_simulated_and_serves_the_endpoint() {
        let config = serve(vec![PAGE, PAGE]);
        let mut seen = None;
        crate::telemetry::sources::open(&config, &mut |source| {
            source.prepare(Nanos(1));
            seen = Some((source.name(), source.gpus(), source.scope(), source.sample(0, Nanos(1))));
        })
        .unwrap();
        let (name, gpus, scope, sample) = seen.unwrap();
        assert_eq!((name, gpus[0].model.as_str()), (SIMULATED_SOURCE, "Simulated GPU"));
        assert_eq!(scope.unwrap().serves(Some("s")), Some(true));
        // An unchanged page is a new sample, too: the simulator measures at each request.
        assert_eq!(sample.map(|sample| (sample.at, sample.power_w)), Ok((Nanos(1), Some(70.0))));
    }

    #[test]
    fn a_page_without_a_gpu_is_a_reason() {
        let config = serve(vec!["tokscope_sim:requests_running 1\n"]);
        let mut seen = None;
        open(&config, &mut |source| seen = Some((source.gpus().len(), source.absent(), source.scope()))).unwrap();
        assert_eq!(seen.unwrap(), (0, Some("the simulator reports no GPU".to_owned()), None));
    }

    #[test]
    fn no_user_can_choose_the_simulated_gpu() {
        assert_eq!(GpuChoice::by_name(SIMULATED_SOURCE), None);
    }
}
