//! The stand-in driver as the loader finds it, and what the telemetry's own tests do not ask of it.
#![cfg(target_os = "linux")]

#[path = "support/nvml.rs"]
mod nvml;

use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use nvml_wrapper::Nvml;
use nvml_wrapper::enums::device::UsedGpuMemory;
use tokscope::domain::gpu::GpuEvent;
use tokscope::domain::time::Nanos;
use tokscope::telemetry::{SamplerConfig, start};

use self::nvml::Driver;

/// Longer than any test takes.
const LIMIT: Duration = Duration::from_secs(60);
/// Set in the child of the first test.
const CHILD: &str = "TOKSCOPE_TEST_FINDS_LIBRARY";

#[test]
fn the_library_is_found_by_its_name_like_a_real_one() {
    if std::env::var_os(CHILD).is_some() {
        return expect_stand_in();
    }
    let driver = Driver::install("driver 580.95.05\ngpu 0 name=Stand_In total=900 used=20");
    let (key, folder) = driver.env();
    // The loader reads its environment when a process starts: the look is taken in a child, which is this test again.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_library_is_found_by_its_name_like_a_real_one"])
        .env(key, folder)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

fn expect_stand_in() {
    let (sink, events) = channel();
    let config = SamplerConfig { interval: LIMIT, lib_path: None };
    let _sampler = start(config, Nanos::default, move |event| drop(sink.send(event)));
    let found = events.recv().expect("the thread says something");
    let GpuEvent::Found { driver, gpus, .. } = &found else { panic!("{found:?}") };
    assert_eq!((driver.as_deref(), gpus[0].model.as_str()), (Some("580.95.05"), "Stand In"));
}

#[test]
fn processes_are_listed_as_drivers_list_them() {
    let driver = Driver::install(
        "clock manual
         gpu 0 total=900 used=20
         proc 0 1000 9000 4242 21300000000 C
         proc 0 1000 2000 4243 -1 C
         proc 0 0 9000 7 1 G",
    );
    let nvml = Nvml::builder().lib_path(driver.library.path().as_os_str()).init().unwrap();
    let gpu = nvml.device_by_index(0).unwrap();
    let compute = || gpu.running_compute_processes().unwrap().into_iter().map(|p| (p.pid, p.used_gpu_memory));
    assert_eq!(compute().count(), 0);
    driver.library.advance_ms(1000);
    let both = [(4242, UsedGpuMemory::Used(21_300_000_000)), (4243, UsedGpuMemory::Unavailable)];
    assert_eq!(compute().collect::<Vec<_>>(), both);
    driver.library.advance_ms(1000);
    assert_eq!(compute().collect::<Vec<_>>(), both[..1]);
    assert_eq!(gpu.running_graphics_processes().unwrap()[0].pid, 7);
}

#[test]
fn two_drivers_in_one_process_know_nothing_of_each_other() {
    let drivers = ["gpu 0 name=A total=1 used=0", "gpu 0 name=B total=1 used=0"].map(Driver::install);
    let names = drivers.each_ref().map(|d| {
        let nvml = Nvml::builder().lib_path(d.library.path().as_os_str()).init().unwrap();
        nvml.device_by_index(0).unwrap().name().unwrap()
    });
    assert_eq!(names, ["A", "B"]);
    assert_eq!(drivers.each_ref().map(|d| d.library.calls("nvmlInit_v2")), [1, 1]);
}

#[test]
#[ignore = "needs an NVIDIA GPU and its driver"]
fn a_real_driver_tells_its_memory() {
    let (sink, events) = channel();
    let config = SamplerConfig { interval: LIMIT, lib_path: None };
    let sampler = start(config, Nanos::default, move |event| drop(sink.send(event)));
    assert!(sampler.sample_and_wait(LIMIT));
    let events: Vec<_> = events.try_iter().collect();
    let GpuEvent::Found { driver: Some(_), gpus, .. } = &events[0] else { panic!("{events:?}") };
    let total = gpus[0].memory_total_bytes.unwrap();
    let Some(GpuEvent::Sample(sample)) = events.iter().find(|e| matches!(e, GpuEvent::Sample(_))) else {
        panic!("{events:?}")
    };
    assert!(sample.memory_used_bytes.is_some_and(|used| used <= total), "{events:?}");
}
