//! Tests with file trees like those of the kernel.

use std::os::unix::fs::symlink;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::super::{GpuChoice, start};
use super::*;
use crate::domain::gpu::{GpuEvent, MemoryKind};

const MIB: u64 = 1 << 20;
const IDS: &str =
    "# List of AMDGPU IDs\n\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n";

/// A machine: its `/sys` and `/proc`, and the list of product names.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { root: tempfile::tempdir().unwrap() };
        machine.file("ids", IDS);
        machine.file("proc/sys/kernel/osrelease", "6.12.9-amd64\n");
        fs::create_dir_all(machine.path("sys/class/drm/card0-DP-1")).unwrap();
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn file(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    /// Adds a card with this driver and these files.
    fn card(&self, number: u32, driver: &str, files: &[(&str, &str)]) {
        let device = format!("sys/class/drm/card{number}/device");
        self.file(&format!("{device}/uevent"), &format!("DRIVER={driver}\nPCI_SLOT_NAME=0000:0{number}:00.0\n"));
        self.file(&format!("{device}/vendor"), "0x1002\n");
        symlink(format!("../../../../bus/pci/drivers/{driver}"), self.path(&device).join("driver")).unwrap();
        for (name, text) in files {
            self.file(&format!("{device}/{name}"), text);
        }
    }

    /// Adds a process with open files, given as link targets with their `fdinfo`.
    fn process(&self, pid: u32, files: &[(&str, &str)]) {
        for (at, (to, fdinfo)) in files.iter().enumerate() {
            self.file(&format!("proc/{pid}/fdinfo/{at}"), fdinfo);
            fs::create_dir_all(self.path(&format!("proc/{pid}/fd"))).unwrap();
            symlink(to, self.path(&format!("proc/{pid}/fd/{at}"))).unwrap();
        }
    }

    fn config(&self) -> SamplerConfig {
        SamplerConfig {
            interval: Duration::from_secs(60),
            choice: GpuChoice::Only(NAME),
            sys_root: self.path("sys"),
            proc_root: self.path("proc"),
            amdgpu_ids: self.path("ids"),
            ..SamplerConfig::default()
        }
    }

    /// Opens the source and passes it to `action`.
    fn with<T>(&self, action: impl Fn(&mut dyn GpuSource) -> T) -> T {
        let mut out = None;
        open(&self.config(), &mut |source| out = Some(action(source))).unwrap();
        out.unwrap()
    }
}

const DISCRETE: &[(&str, &str)] = &[
    ("device", "0x744c\n"),
    ("revision", "0xc8\n"),
    ("power_state", "D0\n"),
    ("power/runtime_status", "active\n"),
    ("mem_info_vram_total", "25753026560\n"),
    ("mem_info_vram_used", "21474836480\n"),
    ("mem_info_gtt_total", "67463225344\n"),
    ("mem_info_gtt_used", "16777216\n"),
    ("gpu_busy_percent", "97\n"),
    ("hwmon/hwmon3/power1_average", "303000000\n"),
    ("hwmon/hwmon3/power1_input", "999000000\n"),
    ("hwmon/hwmon3/power1_cap", "339000000\n"),
    ("hwmon/hwmon3/temp1_input", "61000\n"),
    ("hwmon/hwmon3/freq1_input", "2482000000\n"),
];

const INTEGRATED: &[(&str, &str)] = &[
    ("device", "0x1586\n"),
    ("revision", "0xc1\n"),
    ("mem_info_vram_total", "536870912\n"),
    ("mem_info_vram_used", "268435456\n"),
    ("mem_info_gtt_total", "118111600640\n"),
    ("mem_info_gtt_used", "64424509440\n"),
    ("gpu_busy_percent", "88\n"),
    ("hwmon/hwmon7/in1_label", "vddnb\n"),
    ("hwmon/hwmon7/power1_average", "\n"),
    ("hwmon/hwmon7/power1_input", "55096000\n"),
];

#[test]
fn a_discrete_card_reports_every_figure() {
    let machine = Machine::new();
    machine.card(0, "amdgpu", DISCRETE);
    machine.with(|source| {
        assert_eq!(source.driver(), Some("kernel 6.12.9-amd64"));
        let info = source.gpus().remove(0);
        assert_eq!((info.model.as_str(), info.uuid.as_deref()), ("AMD Radeon RX 7900 XTX", Some("0000:00:00.0")));
        assert_eq!((info.memory_kind, info.memory_total_bytes), (MemoryKind::Dedicated, Some(24_560 * MIB)));
        assert_eq!(info.power_limit_w, Some(339.0));
        let sample = source.sample(0, Nanos(7)).unwrap();
        let expected = GpuSample {
            at: Nanos(7),
            memory_used_bytes: Some(20_480 * MIB),
            utilization_percent: Some(97.0),
            power_w: Some(303.0),
            temperature_c: Some(61.0),
            sm_clock_mhz: Some(2482.0),
            ..GpuSample::default()
        };
        assert_eq!(sample, expected);
    });
    machine.file("sys/module/amdgpu/version", "6.10.5\n");
    machine.with(|source| assert_eq!(source.driver(), Some("6.10.5")));
}

#[test]
fn an_integrated_gpu_has_the_machines_memory_and_no_empty_figures() {
    let machine = Machine::new();
    machine.card(0, "amdgpu", INTEGRATED);
    machine.with(|source| {
        let info = source.gpus().remove(0);
        assert_eq!(info.model, "AMD 1002:1586", "the list has no name for it");
        assert_eq!((info.memory_kind, info.memory_total_bytes), (MemoryKind::Unified, Some(113_152 * MIB)));
        let sample = source.sample(0, Nanos(0)).unwrap();
        assert_eq!(sample.memory_used_bytes, Some(61_696 * MIB));
        assert_eq!((sample.power_w, sample.temperature_c), (Some(55.096), None), "the average is empty");
    });
}

#[test]
fn cards_are_found_in_order_and_other_drivers_are_ignored() {
    let machine = Machine::new();
    machine.card(2, "amdgpu", &[("device", "0x744c\n"), ("product_name", "Instinct MI300X\n")]);
    machine.card(1, "i915", &[]);
    machine.card(0, "amdgpu", &[("gpu_busy_percent", "3\n")]);
    machine.with(|source| {
        let names: Vec<_> = source.gpus().into_iter().map(|i| (i.index, i.model)).collect();
        assert_eq!(names, [(0, "AMD GPU".to_owned()), (1, "Instinct MI300X".to_owned())]);
        let why = Some("not reported by the driver".to_owned());
        assert_eq!(source.gpus()[0].memory_unknown_because, why);
        assert_eq!(
            (
                source.gpus()[0].utilization_unknown_because.clone(),
                source.gpus()[1].utilization_unknown_because.clone()
            ),
            (None, why)
        );
        assert_eq!(source.sample(0, Nanos(0)).map(|s| s.utilization_percent), Ok(Some(3.0)));
        assert_eq!(
            source.sample(1, Nanos(0)),
            Err(SampleError::Silent("the driver reports no figures for this GPU".to_owned()))
        );
        fs::remove_dir_all(machine.path("sys/class/drm/card0")).unwrap();
        assert_eq!(
            source.sample(0, Nanos(0)),
            Err(SampleError::Lost("the GPU was removed from the system".to_owned()))
        );
    });
}

#[test]
fn a_sleeping_card_is_not_read_until_it_wakes() {
    let machine = Machine::new();
    machine.card(0, "amdgpu", DISCRETE);
    for (file, state) in [("power_state", "D3cold"), ("power/runtime_status", "suspended")] {
        let file = format!("sys/class/drm/card0/device/{file}");
        let awake = fs::read_to_string(machine.path(&file)).unwrap();
        machine.file(&file, &format!("{state}\n"));
        machine.with(|source| {
            let info = source.gpus().remove(0);
            assert_eq!((info.memory_total_bytes, info.power_limit_w), (None, None), "read from a sleeping card");
            let why = format!("the GPU is asleep ({state}); tokscope does not wake it");
            assert_eq!(source.sample(0, Nanos(0)), Err(SampleError::Silent(why)));
            machine.file(&file, &awake);
            assert!(source.sample(0, Nanos(0)).is_ok());
            assert_eq!(source.gpus()[0].memory_total_bytes, Some(24_560 * MIB));
            machine.file(&file, &format!("{state}\n"));
        });
        machine.file(&file, &awake);
    }
}

#[test]
fn users_are_processes_with_memory_on_a_card() {
    let machine = Machine::new();
    machine.card(3, "amdgpu", DISCRETE);
    machine.card(4, "amdgpu", DISCRETE);
    let client = |place: &str, kib: u32| {
        format!(
            "pos:\t0\ndrm-driver:\tamdgpu\ndrm-client-id:\t9\ndrm-pdev:\t0000:0{place}:00.0\ndrm-memory-vram:\t{kib} KiB\ndrm-memory-gtt: \t0 KiB\n"
        )
    };
    let node = "/dev/dri/renderD128";
    // This process listed both cards, but uses only the second.
    machine.process(
        90,
        &[("/dev/null", "pos:\t0\n"), (node, &client("3", 0)), ("/dev/dri/renderD129", &client("4", 900))],
    );
    machine.process(7, &[(node, &client("4", 5))]);
    // A file of another driver, and a file of a kernel that does not report memory.
    machine.process(8, &[(node, "drm-driver:\ti915\ndrm-pdev:\t0000:04:00.0\n")]);
    machine.process(9, &[(node, "drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\n")]);
    machine.process(10, &[("/tmp/file", &client("3", 5))]);
    let users = machine.with(|source| source.users().unwrap());
    let all: Vec<_> = users.iter().map(|u| (u.uuid.as_str(), u.pids.clone())).collect();
    assert_eq!(all, [("0000:03:00.0", vec![9]), ("0000:04:00.0", vec![7, 90])]);
}

#[test]
fn without_a_card_every_source_tried_gives_a_reason() {
    let machine = Machine::new();
    let reason = |choice| {
        let (sink, events) = channel();
        let lib_path = Some(machine.path("no-library"));
        let config = SamplerConfig { lib_path, choice, ..machine.config() };
        drop(start(config, Nanos::default, move |event| drop(sink.send(event))));
        match events.recv() {
            Ok(GpuEvent::Absent(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let no_amd_gpu = "no AMD GPU with the amdgpu driver";
    assert_eq!(reason(GpuChoice::Only(NAME)), no_amd_gpu);
    let any = reason(GpuChoice::Auto);
    assert!(any.contains("no NVIDIA driver on this machine; ") && any.ends_with(no_amd_gpu), "{any}");
}
