//! Text of the simulator's answers: a prepared text on the prompt's topic, followed by the other texts, or an answer in a
//! requested form.

use std::borrow::Cow;

use super::request::ChatRequest;
use super::structured::AnswerForm;
use super::tokens::pieces;
use super::wire::TextPart;

/// A prepared answer, and the keywords that select it.
struct Topic {
    keywords: &'static [&'static str],
    source: &'static str,
}

/// Separator between reasoning and answer, as in the output of reasoning models.
const END_OF_REASONING: &str = "\n</think>\n\n";
/// Separator between two answers, if a request wants more tokens than one answer has.
const RULE: &str = "\n\n---\n\n";

/// Topics of the answers. The topic with the most keywords in the prompt is used; on a tie, the first. The last topic
/// is for prompts without a keyword.
const TOPICS: &[Topic] = &[
    Topic {
        keywords: &["fastapi", "rest api", "backend", "jwt", "crud", "pydantic", "sqlalchemy", "authentication"],
        source: include_str!("../../assets/sim/backend.md"),
    },
    Topic {
        keywords: &[
            "microservice",
            "api gateway",
            "e-commerce",
            "per service",
            "message queue",
            "service discovery",
            "saga",
            "kubernetes",
        ],
        source: include_str!("../../assets/sim/microservices.md"),
    },
    Topic {
        keywords: &["algorithm", "dijkstra", "a*", "shortest path", "time complexity", "graph", "sorting", "heap"],
        source: include_str!("../../assets/sim/algorithms.md"),
    },
    Topic {
        keywords: &["bug", "thread", "scraper", "race condition", "deadlock", "fix", "concurren", "traceback"],
        source: include_str!("../../assets/sim/debugging.md"),
    },
    Topic {
        keywords: &["data analysis", "dataset", "retail", "transactions", "pandas", "visualiz", "sales", "demographic"],
        source: include_str!("../../assets/sim/data_analysis.md"),
    },
    Topic {
        keywords: &["url short", "system design", "bit.ly", "short code", "rate limit", "scal", "cache", "interview"],
        source: include_str!("../../assets/sim/system_design.md"),
    },
    Topic {
        keywords: &["sql", "query", "index", "postgres", "database", "slow", "correlated", "explain analyze"],
        source: include_str!("../../assets/sim/database.md"),
    },
    Topic {
        keywords: &[
            "documentation",
            "cli ",
            "command-line",
            "command line",
            "readme",
            "usage example",
            "install",
            "image compression",
            "troubleshoot",
        ],
        source: include_str!("../../assets/sim/documentation.md"),
    },
    Topic {
        keywords: &[
            "machine learning",
            "churn",
            "feature engineering",
            "imbalance",
            "hyperparameter",
            "classif",
            "model training",
            "predict",
        ],
        source: include_str!("../../assets/sim/machine_learning.md"),
    },
    Topic { keywords: &[], source: include_str!("../../assets/sim/general.md") },
];

impl Topic {
    fn reasoning(&self) -> &'static str {
        self.source.split_once(END_OF_REASONING).map_or("", |(reasoning, _)| reasoning)
    }

    fn answer(&self) -> &'static str {
        self.source.split_once(END_OF_REASONING).map_or(self.source, |(_, answer)| answer).trim_end()
    }
}

/// Tokens of an answer, in order. Each comes with the part of the answer to which it belongs.
pub type Tokens = Box<dyn Iterator<Item = (TextPart, Cow<'static, str>)> + Send>;

/// Returns the tokens that answer a request.
pub fn answer(request: &ChatRequest) -> Tokens {
    let first = topic_of(&request.conversation);
    let reasoning = TOPICS.get(first).filter(|_| request.thinking).map_or("", Topic::reasoning);
    let limit = request.max_tokens.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    if let Some(content) = formed(&request.form) {
        // An answer with a form is worth nothing if it is cut, so reasoning is dropped where there is no room for both.
        let thoughts: Vec<_> = pieces(reasoning).map(|p| (TextPart::Reasoning, Cow::Borrowed(p))).collect();
        let thoughts = if thoughts.len() + content.len() <= limit { thoughts } else { Vec::new() };
        return Box::new(thoughts.into_iter().chain(content).take(limit));
    }
    let texts = match request.max_tokens {
        None => 1,
        Some(_) if request.ignore_eos => usize::MAX,
        Some(_) => TOPICS.len(),
    };
    let text = TOPICS.iter().cycle().skip(first).take(texts).enumerate().flat_map(|(n, topic)| {
        let between = if n == 0 { "" } else { RULE };
        pieces(between).chain(pieces(topic.answer()))
    });
    let reasoning = pieces(reasoning).map(|p| (TextPart::Reasoning, Cow::Borrowed(p)));
    Box::new(reasoning.chain(text.map(|p| (TextPart::Answer, Cow::Borrowed(p)))).take(limit))
}

/// Tokens of an answer with a form; `None` for a text on a topic.
fn formed(form: &AnswerForm) -> Option<Vec<(TextPart, Cow<'static, str>)>> {
    let own = |part| move |piece: &str| (part, Cow::Owned(piece.to_owned()));
    match form {
        AnswerForm::Topic => None,
        AnswerForm::Json(text) => Some(pieces(text).map(own(TextPart::Answer)).collect()),
        AnswerForm::ToolCall { name, arguments } => {
            let name = std::iter::once((TextPart::ToolName, Cow::Owned(name.clone())));
            Some(name.chain(pieces(arguments).map(own(TextPart::ToolArguments))).collect())
        }
    }
}

/// Returns the index of the topic with the most keywords in a conversation.
fn topic_of(conversation: &str) -> usize {
    let conversation = conversation.to_lowercase();
    let matches = |topic: &Topic| topic.keywords.iter().filter(|&&k| conversation.contains(k)).count();
    let (index, _) = TOPICS
        .iter()
        .map(matches)
        .enumerate()
        .fold((TOPICS.len() - 1, 0), |best, (index, count)| if count > best.1 { (index, count) } else { best });
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(conversation: &str, max_tokens: Option<u64>) -> ChatRequest {
        ChatRequest {
            conversation: conversation.to_owned(),
            prompt_tokens: 10,
            max_tokens,
            stream: true,
            include_usage: None,
            thinking: true,
            ignore_eos: false,
            seed: None,
            planned: None,
            form: AnswerForm::Topic,
        }
    }

    #[test]
    fn every_text_is_long_enough_and_a_third_is_reasoning() {
        for topic in TOPICS {
            let [reasoning, answer] = [topic.reasoning(), topic.answer()].map(|text| pieces(text).count());
            let title = topic.answer().lines().next().unwrap();
            assert!(title.starts_with("# "), "{title}");
            assert!(reasoning + answer >= 800, "{title}: {reasoning} + {answer}");
            let share = reasoning as f64 / 800.0;
            assert!((0.2..0.4).contains(&share), "{title}: {reasoning} tokens of reasoning");
            assert_eq!(topic.source.matches("</think>").count(), 1, "{title}");
            assert_eq!(topic.source.matches("\n```").count() % 2, 0, "{title}: a fence is open");
            assert!(!topic.source.contains(['\r', '\t']), "{title}");
        }
    }

    #[test]
    fn prompts_find_their_topic() {
        for (prompt, title) in [
            ("Create a complete Python REST API using FastAPI with JWT, CRUD for users, an SQLite database", "REST"),
            ("Design a microservices architecture for an e-commerce platform with an API gateway", "Microservices"),
            ("Implement Dijkstra's algorithm and A* in Python and compare their time complexity", "Shortest"),
            ("Find all bugs in this threaded web scraper and fix the code", "scraper"),
            ("Write a Python analysis pipeline for a retail dataset of 50k transactions with pandas", "Retail"),
            ("System design interview: design a URL shortening service like bit.ly with rate limiting", "URL"),
            ("Optimize this PostgreSQL query on 10M records; which indexes does the database need?", "Queries"),
            (
                "Write documentation for a Python CLI tool for image compression, with installation and usage",
                "imgpress",
            ),
            ("Build a machine learning pipeline for customer churn prediction", "Churn"),
            ("Say hello", "Simulated"),
        ] {
            let topic = &TOPICS[topic_of(prompt)];
            let found = topic.answer().lines().next().unwrap();
            assert!(found.to_lowercase().contains(&title.to_lowercase()), "{prompt}: {found}");
        }
    }

    #[test]
    fn a_limit_is_met_exactly_and_further_texts_follow() {
        for limit in [1, 800, 4096] {
            assert_eq!(answer(&request("fastapi", Some(limit))).count() as u64, limit);
        }
        let text: String = answer(&request("fastapi", Some(4096))).map(|(_, piece)| piece).collect();
        let [own, next] = [&TOPICS[0], &TOPICS[1]].map(Topic::answer);
        assert!(text.starts_with(&format!("{}{own}{RULE}{next}{RULE}", TOPICS[0].reasoning())));
    }

    #[test]
    fn without_a_limit_the_answer_ends_with_its_own_text() {
        let own = pieces(TOPICS[2].reasoning()).chain(pieces(TOPICS[2].answer())).collect::<String>();
        assert_eq!(answer(&request("dijkstra", None)).map(|(_, piece)| piece).collect::<String>(), own);
    }

    #[test]
    fn the_texts_end_unless_the_end_is_ignored() {
        let mut chat = request("", Some(100_000));
        assert!(answer(&chat).count() < 100_000);
        chat.ignore_eos = true;
        assert_eq!(answer(&chat).count(), 100_000);
    }

    #[test]
    fn reasoning_comes_first_or_not_at_all() {
        let mut chat = request("churn", Some(800));
        let parts: Vec<_> = answer(&chat).map(|(part, _)| part).collect();
        let reasoning = pieces(TOPICS[8].reasoning()).count();
        assert!(parts[..reasoning].iter().all(|p| *p == TextPart::Reasoning));
        assert!(parts[reasoning..].iter().all(|p| *p == TextPart::Answer));
        chat.thinking = false;
        assert!(answer(&chat).all(|(part, _)| part == TextPart::Answer));
    }

    #[test]
    fn an_answer_with_a_form_is_whole_if_the_limit_allows() {
        let mut chat = request("", Some(800));
        chat.form = AnswerForm::Json(r#"{"city":"Rome"}"#.to_owned());
        let text = |chat: &ChatRequest| -> String {
            answer(chat).filter(|(part, _)| *part == TextPart::Answer).map(|(_, piece)| piece).collect()
        };
        assert_eq!(text(&chat), r#"{"city":"Rome"}"#);
        assert!(answer(&chat).any(|(part, _)| part == TextPart::Reasoning));
        chat.max_tokens = Some(20);
        assert_eq!(text(&chat), r#"{"city":"Rome"}"#);
        chat.max_tokens = Some(2);
        assert_eq!(answer(&chat).count(), 2);
    }
}
