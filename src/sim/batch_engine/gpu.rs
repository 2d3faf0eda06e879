//! The simulated GPU. Its figures follow the engine's work but do not affect the engine.

use std::fmt::Write;

/// Name of the GPU. No real GPU has this name.
const NAME: &str = "Simulated GPU";
const UUID: &str = "simulated-gpu-0";

const MEMORY_TOTAL_MIB: f64 = 24_576.0;
/// Memory of the weights, and of one block of the KV cache, MiB.
const WEIGHTS_MIB: f64 = 15_360.0;
const MIB_PER_BLOCK: f64 = 8.0;

/// Power while idle, and the additional power of a busy engine, of each decoding sequence and of each prompt token in a
/// step, watts.
const IDLE_W: f64 = 24.0;
const BUSY_W: f64 = 130.0;
const SEQUENCE_W: f64 = 4.0;
const PREFILL_TOKEN_W: f64 = 1.2;
/// Power limit, watts. While the work would need more power, the GPU is throttled.
const LIMIT_W: f64 = 260.0;

const IDLE_CLOCK_MHZ: f64 = 210.0;
const MAX_CLOCK_MHZ: f64 = 2_520.0;
/// Temperature without any power, °C, and its rise per watt.
const AMBIENT_C: f64 = 31.0;
const RISE_C_PER_W: f64 = 0.18;
/// Temperature above which the GPU is throttled, °C.
const HOT_C: f64 = 83.0;

/// Time constants of the sensors and of the heat sink, seconds.
const SENSOR_S: f64 = 0.4;
const HEAT_SINK_S: f64 = 20.0;

/// Bits of the DCGM exporter's clock reasons.
const POWER_CAP: u32 = 0x4;
const SOFTWARE_THERMAL: u32 = 0x20;

/// Work that the engine is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Number of decoding sequences.
    pub decoding: u64,
    /// Prompt tokens in the step.
    pub prefill_tokens: u64,
}

impl Work {
    const fn is_idle(self) -> bool {
        self.decoding == 0 && self.prefill_tokens == 0
    }

    fn watts(self) -> f64 {
        if self.is_idle() {
            return IDLE_W;
        }
        let tokens_w = SEQUENCE_W.mul_add(self.decoding as f64, PREFILL_TOKEN_W * self.prefill_tokens as f64);
        IDLE_W + BUSY_W + tokens_w
    }
}

/// Figures of the GPU at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GpuFigures {
    /// Memory in use, MiB.
    pub memory_used_mib: f64,
    /// Share of time with work, percent.
    pub utilization_percent: f64,
    /// Board power, watts.
    pub power_w: f64,
    /// Core temperature, °C.
    pub temperature_c: f64,
    /// Clock, MHz.
    pub clock_mhz: f64,
    /// Energy since the start, joules.
    pub energy_j: f64,
    /// Reasons for reduced clocks, as the DCGM exporter numbers them.
    pub throttle_bits: u32,
}

/// State of the GPU, which changes over time.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// Power that the work needs, ignoring the limit, watts.
    demand_w: f64,
    busy: f64,
    temperature_c: f64,
    energy_j: f64,
}

impl Gpu {
    /// Creates a GPU that has been idle for a long time.
    pub fn new() -> Self {
        Self { demand_w: IDLE_W, busy: 0.0, temperature_c: RISE_C_PER_W.mul_add(IDLE_W, AMBIENT_C), energy_j: 0.0 }
    }

    fn power_w(&self) -> f64 {
        self.demand_w.min(LIMIT_W)
    }

    /// Advances the time by `seconds`, during which the work was constant.
    pub fn advance(&mut self, seconds: f64, work: Work) {
        let sensor = 1.0 - (-seconds / SENSOR_S).exp();
        let heat_sink = 1.0 - (-seconds / HEAT_SINK_S).exp();
        self.demand_w += (work.watts() - self.demand_w) * sensor;
        self.busy += (f64::from(u8::from(!work.is_idle())) - self.busy) * sensor;
        let equilibrium_c = RISE_C_PER_W.mul_add(self.power_w(), AMBIENT_C);
        self.temperature_c += (equilibrium_c - self.temperature_c) * heat_sink;
        self.energy_j += self.power_w() * seconds;
    }

    /// Returns the figures for a KV cache that uses this many blocks.
    pub fn figures(&self, kv_blocks: u64) -> GpuFigures {
        let is_capped = self.demand_w > LIMIT_W;
        let is_hot = self.temperature_c > HOT_C;
        let slowdown = if is_capped { (LIMIT_W / self.demand_w).sqrt() } else { 1.0 };
        let clock_mhz = (MAX_CLOCK_MHZ - IDLE_CLOCK_MHZ).mul_add(self.busy, IDLE_CLOCK_MHZ) * slowdown;
        GpuFigures {
            memory_used_mib: MIB_PER_BLOCK.mul_add(kv_blocks as f64, WEIGHTS_MIB).min(MEMORY_TOTAL_MIB),
            utilization_percent: self.busy * 100.0,
            power_w: self.power_w(),
            temperature_c: self.temperature_c,
            clock_mhz,
            energy_j: self.energy_j,
            throttle_bits: if is_capped { POWER_CAP } else { 0 } | if is_hot { SOFTWARE_THERMAL } else { 0 },
        }
    }
}

impl GpuFigures {
    /// Returns the figures in the format of NVIDIA's DCGM exporter.
    pub fn page(&self) -> String {
        let rows = [
            ("FB_USED", self.memory_used_mib),
            ("FB_TOTAL", MEMORY_TOTAL_MIB),
            ("GPU_UTIL", self.utilization_percent),
            ("POWER_USAGE", self.power_w),
            ("ENFORCED_POWER_LIMIT", LIMIT_W),
            ("TOTAL_ENERGY_CONSUMPTION", self.energy_j * 1e3),
            ("GPU_TEMP", self.temperature_c),
            ("SM_CLOCK", self.clock_mhz),
            ("MAX_SM_CLOCK", MAX_CLOCK_MHZ),
            ("CLOCKS_EVENT_REASONS", f64::from(self.throttle_bits)),
        ];
        rows.iter().fold(String::new(), |mut page, (name, value)| {
            let labels = format!(r#"gpu="0",UUID="{UUID}",modelName="{NAME}",Hostname="simulator""#);
            // Writing to a string cannot fail.
            let _written = writeln!(page, "DCGM_FI_DEV_{name}{{{labels}}} {value:.3}");
            page
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gpu::Throttle;
    use crate::protocol::dcgm::read;

    const LONG_S: f64 = 1000.0;

    fn after(seconds: f64, work: Work) -> GpuFigures {
        let mut gpu = Gpu::new();
        gpu.advance(seconds, work);
        gpu.figures(100)
    }

    #[test]
    fn figures_follow_the_work() {
        let [idle, one, many] = [0, 1, 16].map(|decoding| after(LONG_S, Work { decoding, prefill_tokens: 0 }));
        assert!(idle.utilization_percent < 0.1 && (idle.power_w - IDLE_W).abs() < 0.1, "{idle:?}");
        assert!(one.utilization_percent > 99.0 && one.power_w > idle.power_w && many.power_w > one.power_w);
        assert!(many.temperature_c > one.temperature_c && one.temperature_c > idle.temperature_c);
        assert!((many.energy_j - many.power_w * LONG_S).abs() < 1e-6 * many.energy_j);
        let grown = Gpu::new().figures(200).memory_used_mib - Gpu::new().figures(100).memory_used_mib;
        assert!((grown - 100.0 * MIB_PER_BLOCK).abs() < 1e-9);
    }

    #[test]
    fn small_steps_add_up_to_a_large_one() {
        let work = Work { decoding: 8, prefill_tokens: 0 };
        let mut gpu = Gpu::new();
        (0..1000).for_each(|_| gpu.advance(0.001, work));
        let (fine, coarse) = (gpu.figures(0), after(1.0, work));
        assert!((fine.utilization_percent - coarse.utilization_percent).abs() < 1e-6);
        assert!((fine.power_w - coarse.power_w).abs() < 1e-6);
    }

    #[test]
    fn power_never_exceeds_its_limit_and_the_cap_is_reported() {
        let calm = after(LONG_S, Work { decoding: 1, prefill_tokens: 0 });
        assert!(calm.throttle_bits == 0 && calm.clock_mhz > MAX_CLOCK_MHZ - 1.0);
        let full = after(LONG_S, Work { decoding: 16, prefill_tokens: 48 });
        assert!(full.power_w <= LIMIT_W && full.throttle_bits == POWER_CAP && full.clock_mhz < calm.clock_mhz);
    }

    #[test]
    fn the_page_is_read_as_a_simulated_gpu() {
        let figures = after(LONG_S, Work { decoding: 16, prefill_tokens: 48 });
        let readings = read(&figures.page());
        let [reading] = readings.as_slice() else { panic!("{readings:?}") };
        assert_eq!(reading.model.as_deref(), Some("Simulated GPU"));
        let close = |read: Option<f64>, value: f64| read.is_some_and(|read| (read - value).abs() < 0.01);
        assert!(close(reading.power_w(), figures.power_w) && close(reading.power_limit_w(), LIMIT_W));
        assert!(close(reading.temperature_c(), figures.temperature_c) && close(reading.energy_j(), figures.energy_j));
        assert!(close(reading.utilization_percent(), 100.0) && reading.throttle() == Some(Throttle::POWER_CAP));
        assert_eq!(reading.memory_total_bytes().map(|(bytes, _)| bytes >> 30), Some(24));
    }
}
