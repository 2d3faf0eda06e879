//! Sets of time spans.

use super::time::Nanos;

/// Start and end of a time span.
pub type Span = (Nanos, Nanos);

/// Union of spans, ascending and disjoint. Ignores spans that end before they begin.
pub fn union(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut all: Vec<Span> = spans.into_iter().filter(|(from, to)| from <= to).collect();
    all.sort_unstable();
    let mut out: Vec<Span> = Vec::new();
    for (from, to) in all {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

/// Parts of `spans` outside of all `others`; both must be ascending and disjoint.
pub fn subtract(spans: &[Span], others: &[Span]) -> Vec<Span> {
    let mut out = Vec::new();
    for &(from, to) in spans {
        let mut rest = from;
        let first = others.partition_point(|o| o.1 <= from);
        for other in others.iter().skip(first).take_while(|o| o.0 < to) {
            if other.0 > rest {
                out.push((rest, other.0));
            }
            rest = rest.max(other.1);
        }
        if rest < to {
            out.push((rest, to));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        prop::collection::vec((0_u64..40, 0_u64..40).prop_map(|(a, b)| (Nanos(a), Nanos(b))), 0..8)
    }

    fn has(spans: &[Span], at: u64) -> bool {
        spans.iter().any(|s| s.0.0 <= at && at < s.1.0)
    }

    proptest! {
        #[test]
        fn union_and_subtraction_are_right_at_every_moment(a in spans(), b in spans()) {
            let (of_a, of_b) = (union(a.clone()), union(b));
            prop_assert!(of_a.windows(2).all(|w| w[0].1 < w[1].0));
            let left = subtract(&of_a, &of_b);
            prop_assert!(left.windows(2).all(|w| w[0].1 <= w[1].0) && left.iter().all(|s| s.0 < s.1));
            for at in 0..40 {
                prop_assert_eq!(has(&of_a, at), has(&a, at));
                prop_assert_eq!(has(&left, at), has(&of_a, at) && !has(&of_b, at));
            }
        }
    }
}
