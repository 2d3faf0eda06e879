use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn order(rows: u64, sample: Sample, seed: u64) -> RowOrder {
    RowOrder::new(rows, sample, seed, Shard::WHOLE).unwrap()
}

/// Pearson's statistic of counts that are all expected to be equal.
fn chi_square(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    counts.iter().map(|&n| (n as f64 - expected).powi(2) / expected).sum()
}

/// Quantile of the chi-square distribution at the normal quantile `z`, in the approximation by Wilson and Hilferty
/// (1931).
fn chi_square_quantile(cells: usize, z: f64) -> f64 {
    let freedom = (cells - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + z * spread.sqrt()).powi(3)
}

/// Asserts that a uniform source gives counts like these. A uniform source gives worse ones once in ten million times
/// (`z` = 5.2). The seeds are fixed, so a test that passes once always passes.
fn assert_uniform(what: &str, counts: &[u64]) {
    let (found, bound) = (chi_square(counts), chi_square_quantile(counts.len(), 5.2));
    assert!(found < bound, "{what}: chi-square {found:.1} of {} cells, bound {bound:.1}", counts.len());
}

#[test]
fn quantiles_of_chi_square_agree_with_printed_tables() {
    // 0.999 quantiles with 10 and 100 degrees of freedom.
    let quantiles = [11, 101].map(|cells| chi_square_quantile(cells, 3.0902));
    assert!((quantiles[0] - 29.588).abs() < 0.2 && (quantiles[1] - 149.449).abs() < 0.2, "{quantiles:?}");
}

#[test]
fn ordered_rows_repeat_in_file_order() {
    let rows: Vec<u64> = (0..7).map(|k| order(3, Sample::Ordered, 9).row_at(k)).collect();
    assert_eq!(rows, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn shards_of_ordered_rows_are_contiguous_blocks() {
    let blocks: Vec<Vec<u64>> = (0..3)
        .map(|index| {
            let order = RowOrder::new(10, Sample::Ordered, 0, Shard { index, count: 3 }).unwrap();
            (0..order.rows_per_pass()).map(|k| order.row_at(k)).collect()
        })
        .collect();
    assert_eq!(blocks, [vec![0, 1, 2, 3], vec![4, 5, 6], vec![7, 8, 9]]);
}

#[test]
fn impossible_orders_are_refused() {
    let new = |rows, index, count| RowOrder::new(rows, Sample::Shuffled, 1, Shard { index, count });
    assert_eq!(new(0, 0, 1), Err(RowOrderError::NoRows));
    assert_eq!(new(5, 2, 2), Err(RowOrderError::NoSuchShard { index: 2, count: 2 }));
    assert_eq!(new(5, 0, 0), Err(RowOrderError::NoSuchShard { index: 0, count: 0 }));
    assert_eq!(new(5, 0, 6), Err(RowOrderError::TooManyShards { count: 6, rows: 5 }));
    assert!(new(5, 4, 5).is_ok());
}

#[test]
fn passes_and_seeds_have_different_permutations() {
    let pass = |seed, pass: u64| -> Vec<u64> {
        (pass * 100..(pass + 1) * 100).map(|k| order(100, Sample::Shuffled, seed).row_at(k)).collect()
    };
    let permutations: BTreeSet<_> =
        (0..20).flat_map(|seed| (0..5).map(move |n| (seed, n))).map(|(s, n)| pass(s, n)).collect();
    assert_eq!(permutations.len(), 100);
}

#[test]
fn every_permutation_of_a_few_rows_is_equally_likely() {
    for rows in [2_u64, 3, 4, 5] {
        let cells = (1..=rows).product::<u64>();
        let mut counts = vec![0; cells as usize];
        for seed in 0..cells * 100 {
            let order = order(rows, Sample::Shuffled, seed);
            // Rank of the permutation in the factorial number system.
            let (mut rank, mut left) = (0, (0..rows).collect::<Vec<_>>());
            for k in 0..rows {
                let at = left.iter().position(|row| *row == order.row_at(k)).unwrap();
                rank = rank * left.len() + at;
                left.remove(at);
            }
            counts[rank] += 1;
        }
        assert_uniform(&format!("permutations of {rows}"), &counts);
    }
}

#[test]
fn each_row_is_equally_likely_at_each_position() {
    for (rows, positions) in [(10_u64, [0, 4, 9]), (1000, [0, 500, 999])] {
        for position in positions {
            let mut counts = vec![0; rows as usize];
            (0..rows * 100).for_each(|seed| counts[order(rows, Sample::Shuffled, seed).row_at(position) as usize] += 1);
            assert_uniform(&format!("row at {position} of {rows}"), &counts);
        }
    }
}

#[test]
fn neighbours_of_a_shuffled_order_are_unrelated() {
    // Distance of two neighbours, in sixteenths of the data set, over one long permutation.
    const ROWS: u64 = 1 << 16;
    let order = order(ROWS, Sample::Shuffled, 42);
    let mut counts = [0; 16];
    for k in (0..ROWS).step_by(2) {
        let distance = (order.row_at(k) + ROWS - order.row_at(k + 1)) % ROWS;
        counts[(distance * 16 / ROWS) as usize] += 1;
    }
    assert_uniform("distances", &counts);
}

#[test]
fn draws_with_replacement_are_uniform_and_differ_by_shard() {
    let draws = |index| {
        let order = RowOrder::new(100, Sample::Replace, 7, Shard { index, count: 4 }).unwrap();
        (0..20_000).map(|k| order.row_at(k)).collect::<Vec<_>>()
    };
    let (first, second) = (draws(0), draws(1));
    let mut pairs = vec![0; 400];
    for (a, b) in first.iter().zip(&second) {
        pairs[(a / 5 * 20 + b / 5) as usize] += 1;
    }
    assert_uniform("pairs of two shards", &pairs);
    let mut singles = vec![0; 100];
    for row in &first {
        singles[*row as usize] += 1;
    }
    assert_uniform("rows of one shard", &singles);
}

proptest! {
    #[test]
    fn each_pass_of_all_shards_covers_each_row_once(
        rows in 1_u64..3000,
        shards in 1_u64..20,
        seed in any::<u64>(),
        pass in 0_u64..4,
        is_shuffled in any::<bool>(),
    ) {
        let count = shards.min(rows);
        let sample = if is_shuffled { Sample::Shuffled } else { Sample::Ordered };
        let mut covered: Vec<u64> = (0..count)
            .flat_map(|index| {
                let order = RowOrder::new(rows, sample, seed, Shard { index, count }).unwrap();
                let per_pass = order.rows_per_pass();
                (pass * per_pass..(pass + 1) * per_pass).map(move |k| order.row_at(k))
            })
            .collect();
        covered.sort_unstable();
        prop_assert_eq!(covered, (0..rows).collect::<Vec<_>>());
    }

    #[test]
    fn shards_are_blocks_of_one_permutation(rows in 1_u64..500, shards in 1_u64..9, seed in any::<u64>()) {
        let count = shards.min(rows);
        let whole: Vec<u64> = (0..rows).map(|k| order(rows, Sample::Shuffled, seed).row_at(k)).collect();
        let divided: Vec<u64> = (0..count)
            .flat_map(|index| {
                let order = RowOrder::new(rows, Sample::Shuffled, seed, Shard { index, count }).unwrap();
                (0..order.rows_per_pass()).map(move |k| order.row_at(k))
            })
            .collect();
        prop_assert_eq!(whole, divided);
    }

    #[test]
    fn rows_of_any_number_stay_below_it(
        rows in 1..=u64::MAX,
        k in any::<u64>(),
        seed in any::<u64>(),
        sample in prop_oneof![Just(Sample::Ordered), Just(Sample::Shuffled), Just(Sample::Replace)],
    ) {
        prop_assert!(order(rows, sample, seed).row_at(k) < rows);
    }
}
