use super::super::render;
use crate::domain::energy::{Energy, EnergyMethod};
use crate::domain::gpu::MemoryKind;
use crate::domain::gpu_scope::GpuScope;
use crate::report::fixture::{report, sample_session};

/// Returns the block of a GPU up to the end of the page.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    text.split_once(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("no section '{name}'")).1
}

fn part(text: &str) -> &str {
    text.split_once("## GPU Information\n\n").unwrap().1.split_once("\n\n## ").unwrap().0
}

#[test]
fn one_gpu_has_a_block_with_its_figures_and_the_energy_per_token() {
    insta::assert_snapshot!(part(&render(&report(sample_session()))));
}

#[test]
fn without_a_gpu_there_is_one_sentence_with_the_reason() {
    let mut r = report(sample_session());
    r.gpu = Err("libnvidia-ml.so.1 not found".into());
    let text = render(&r);
    let part = text.split_once("## GPU Information\n\n").unwrap().1;
    assert!(part.starts_with("No GPU figures: libnvidia-ml.so.1 not found.\n\n## Test Details\n"), "{part}");
    assert!(!part.contains("N/A"), "{part}");
}

#[test]
fn several_gpus_have_a_block_each_with_their_peculiarities() {
    let mut r = report(sample_session());
    let gpu = r.gpu.as_mut().unwrap();
    let mut second = gpu.devices[0].clone();
    (second.index, second.memory_peak_mib, second.lost) = (1, None, Some("GPU is lost".into()));
    (second.lost_at_s, second.energy) = (Some(5.02), Err("it was lost during the run".into()));
    gpu.devices.push(second);
    let mut third = gpu.devices[0].clone();
    (third.index, third.memory_used_includes_reserved, third.lost_at_s) = (2, true, Some(5.0));
    third.throttled = Some(Vec::new());
    gpu.devices.push(third);
    let mut fourth = gpu.devices[0].clone();
    (fourth.index, fourth.throttled) = (3, None);
    (fourth.memory_total_mib, fourth.memory_peak_mib) = (None, None);
    fourth.memory_unknown_because = Some("it shares the machine's memory".into());
    gpu.devices.push(fourth);
    let text = render(&r);
    assert!(
        section(&text, "GPU 0")
            .contains("- **Peak Memory**: 62,123 MiB (2.4 s into the run; 60,000 MiB in use at its start)\n")
    );
    let second = section(&text, "GPU 1");
    assert!(second.contains("- **Peak Memory**: N/A (no sample"), "{second}");
    assert!(second.contains("- **Lost**: 5.0 s into the run: `GPU is lost`"), "{second}");
    assert!(second.contains("- **Energy**: N/A (it was lost during the run)"), "{second}");
    let third = section(&text, "GPU 2");
    assert!(third.contains("60,000 MiB in use at its start; including memory that the driver reserves)"), "{third}");
    assert!(third.contains("- **Lost**: 5.0 s into the run, then available again\n"), "{third}");
    assert!(third.contains("- **Throttled**: no\n"), "{third}");
    let fourth = section(&text, "GPU 3");
    assert!(fourth.contains("- **Throttled**: N/A\n"), "{fourth}");
    // One of the four GPUs has no memory figures and another no energy, so there are no sums.
    assert!(
        text.contains(
            "**Total of the 4 GPUs that serve**: 293,661 MiB memory, 124,247 MiB in use at their peaks, energy not available."
        ),
        "{text}"
    );
    for field in ["Memory", "Peak Memory"] {
        assert!(fourth.contains(&format!("- **{field}**: N/A (it shares the machine's memory)")), "{fourth}");
    }
}

#[test]
fn memory_that_all_programs_use_is_not_shown_as_the_gpu_s() {
    let mut r = report(sample_session());
    let device = &mut r.gpu.as_mut().unwrap().devices[0];
    (device.memory_kind, device.memory_total_mib) = (MemoryKind::Unified, Some(131_072.0));
    let text = render(&r);
    assert!(text.contains("60,000 MiB in use at its start; sum of its processes)\n"), "{}", part(&text));
    r.gpu.as_mut().unwrap().devices[0].memory_used_is_machines = true;
    let text = render(&r);
    assert!(text.contains("- **Memory**: 131,072 MiB (shared with the CPU)\n"), "{}", part(&text));
    assert!(text.contains("60,000 MiB in use at its start; all programs on the machine)\n"), "{}", part(&text));
}

#[test]
fn energy_covers_boards_or_a_part_of_an_apple_chip() {
    let mut r = report(sample_session());
    let boards =
        ["tokens). GPU boards, including idle power", "Energy is that of the boards: from their energy counter"];
    let chip =
        ["The GPU's part of its chip, including", "Energy is that of the GPU's part of its chip, without memory"];
    for (is_part_of_chip, shown, not) in [(false, boards, chip), (true, chip, boards)] {
        r.gpu.as_mut().unwrap().is_part_of_chip = is_part_of_chip;
        let text = render(&r);
        assert!(shown.iter().all(|words| text.contains(words)), "{is_part_of_chip}: {text}");
        assert!(!not.iter().any(|words| text.contains(words)), "{is_part_of_chip}: {text}");
    }
}

#[test]
fn idle_gpus_with_an_endpoint_on_loopback_cause_a_note() {
    let mut r = report(sample_session());
    assert!(!render(&r).contains("may be that of a tunnel"));
    r.gpu.as_mut().unwrap().devices[0].utilization_max_percent = Some(4.0);
    assert!(render(&r).contains("No GPU that serves the endpoint was more than 5% busy"));
    r.gpu.as_mut().unwrap().scope = GpuScope::Unknown { why: "a tunnel?".into() };
    assert!(render(&r).contains("No GPU of this machine was more than 5% busy"));
    // A GPU without a load figure is not idle.
    r.gpu.as_mut().unwrap().devices[0].utilization_max_percent = None;
    assert!(!render(&r).contains("may be that of a tunnel"));
}

#[test]
fn sums_cover_only_serving_gpus() {
    let mut r = report(sample_session());
    let gpu = r.gpu.as_mut().unwrap();
    let mut second = gpu.devices[0].clone();
    (second.index, second.energy) = (1, Ok(Energy { joules: 384.0, method: EnergyMethod::Integrated }));
    let mut idle = second.clone();
    (idle.index, idle.serves, idle.utilization_max_percent) = (2, Some(false), Some(0.0));
    gpu.devices.extend([second, idle]);
    let text = render(&r);
    assert!(text.contains(
        "**Total of the 2 GPUs that serve**: 195,774 MiB memory, 124,247 MiB in use at their peaks, 24,000 J."
    ));
    assert!(section(&text, "GPU 1").contains("- **Energy**: 384 J (integrated from power samples)"), "{text}");
    assert!(section(&text, "GPU 2").contains("- **Serves The Endpoint**: no"), "{text}");
}

#[test]
fn only_serving_gpus_must_be_busy() {
    let mut r = report(sample_session());
    let gpu = r.gpu.as_mut().unwrap();
    let mut second = gpu.devices[0].clone();
    second.serves = Some(false);
    gpu.devices.push(second);
    gpu.devices[0].utilization_max_percent = Some(1.0);
    assert!(gpu.were_idle(), "the busy one serves somebody else");
    gpu.devices[1].serves = Some(true);
    assert!(!gpu.were_idle());
}

#[test]
fn doubtful_figures_have_a_note() {
    let mut r = report(sample_session());
    let gpu = r.gpu.as_mut().unwrap();
    gpu.scope = GpuScope::Unknown { why: "nobody is seen to listen on :8000".into() };
    gpu.devices[0].serves = None;
    gpu.efficiency = Err("it is not known which GPUs serve the endpoint".into());
    gpu.driver_silent_s = Some(3.24);
    let text = render(&r);
    for line in [
        "tokscope cannot tell whether these GPUs serve the endpoint: nobody is seen to listen on :8000.",
        "**Energy per output token**: N/A (it is not known which GPUs serve the endpoint).",
        "The GPU driver did not answer for 3.2 s of the run, or tokscope stalled. The figures exclude that time.",
    ] {
        assert!(text.lines().any(|l| l == line), "no '{line}' in\n{text}");
    }
    assert!(!text.contains("Serves The Endpoint"));
}

#[test]
fn a_gpu_of_another_machine_names_it_and_the_interval_of_its_samples() {
    let mut r = report(sample_session());
    let device = &mut r.gpu.as_mut().unwrap().devices[0];
    device.host = Some("node-7".to_owned());
    (device.samples, device.samples_apart_ms, device.memory_total_is_least) = (3, Some(30_120), true);
    let text = render(&r);
    for line in [
        "- **Host**: node-7",
        "- **Memory**: ≥ 97,887 MiB",
        "60,000 MiB in use at its start; from 3 samples, 30 s apart)",
    ] {
        assert!(text.contains(line), "no '{line}' in\n{text}");
    }
    let device = &mut r.gpu.as_mut().unwrap().devices[0];
    (device.memory_peak_mib, device.memory_peak_unknown_because) = (None, Some("too few".to_owned()));
    assert!(render(&r).contains("- **Peak Memory**: N/A (too few)"));
}
