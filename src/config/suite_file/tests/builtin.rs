//! Checks of the built-in suite: answers of any style pass, nonsense does not.

use crate::config::suite_file::builtin;
use crate::domain::check::{Answer, Checks};

/// Beginnings of right answers to each case: terse, with code first, in other languages, or cut after a long reasoning.
const RIGHT: [(&str, &[&str]); 10] = [
    (
        "Full Backend System",
        &[
            "Below is the whole project.\n\n`requirements.txt`\n```\nfastapi\n",
            "好的,以下是使用 FastAPI 的完整代码:",
            "```python\nfrom pydantic import BaseModel\n",
        ],
    ),
    (
        "Microservices Architecture",
        &[
            "# Architecture\n\n## 1. Services\n",
            "以下是电商平台的架构:API Gateway(Kong)",
            "Der Entwurf läuft auf Kubernetes.",
            "**Zerlegung in Microservices**",
        ],
    ),
    (
        "Complex Algorithms",
        &[
            "```python\nimport heapq\n",
            "## 1. A\\* Pathfinding",
            "Primero, el algoritmo A* en una cuadrícula.",
            "Der Algorithmus von Dijkstra",
        ],
    ),
    (
        "Debug Task",
        &[
            "**Bug 1**: `t.join()` inside the loop",
            "The code runs serially.\n\n```python\nfrom concurrent.futures import ThreadPoolExecutor",
            "问题:线程 (thread) 在循环中立即 join",
        ],
    ),
    (
        "Data Analysis Report",
        &["```python\nimport pandas as pd\n", "# Retail-Analyse\n", "首先生成模拟数据:import numpy as np"],
    ),
    (
        "System Design Interview",
        &[
            "## Requirements\n\nPOST /api/v1/urls",
            "# URL Shortener",
            "我们使用 Base62 编码",
            "Die Hash-Funktion bildet",
        ],
    ),
    (
        "Multi-turn Conversation",
        &[
            "PostgreSQL chooses a seq scan because",
            "索引 (index) 没有被使用的原因:",
            "Run `EXPLAIN (ANALYZE, BUFFERS)` first.",
        ],
    ),
    (
        "Technical Documentation",
        &["# imgpress\n\nCompress PNG, JPEG and WebP", "# 图像压缩工具 (PNG/JPEG)", "## Installation\n"],
    ),
    (
        "Database Optimization",
        &[
            "The correlated subquery runs once per row.",
            "```sql\nSELECT o.*\nFROM orders o\n",
            "建议创建索引:CREATE INDEX",
        ],
    ),
    ("ML Project", &["```python\nimport numpy as np\n", "# Customer Churn", "使用 SMOTE 处理类别不平衡"]),
];

fn passes(case: &str, text: &str) -> bool {
    let suite = builtin().unwrap();
    let case = suite.cases.iter().find(|c| c.name == case).unwrap();
    let checks = Checks::new(&case.checks).unwrap();
    assert!(!checks.is_empty());
    checks.evaluate(&Answer { text, tokens: 20, is_capped: true, ..Answer::default() }).iter().all(|c| c.passed)
}

#[test]
fn right_answers_pass_in_any_style() {
    for (case, answers) in RIGHT {
        for answer in answers {
            assert!(passes(case, answer), "{case}: {answer}");
        }
    }
}

#[test]
fn nonsense_passes_nowhere() {
    let nonsense = [
        "The the the the the the the the the the the the the the the the",
        "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
        "I'm sorry, but I can't help with that.",
        "Once upon a time, a fox met a crow who held a piece of cheese.",
        "\u{fffd}\u{fffd} ĠĠĠ <unk><unk> ا ا ا",
    ];
    for (case, _) in RIGHT {
        for text in nonsense {
            assert!(!passes(case, text), "{case}: {text}");
        }
    }
}
