"""Writes a folder that vLLM accepts as a model: a tiny Llama without weights, with letters as tokens."""

import json

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 512,
}
SPECIAL = ["<s>", "</s>"]
CHAT_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


# Vocabulary of the model: printable ASCII, with the stand-ins of byte-level vocabularies for space and line feed. With all
# bytes, random text would be invalid UTF-8, which servers hold back.
PIECES = [*map(chr, range(0x21, 0x7F)), "\u0120", "\u010a"]


def write(folder):
    folder.mkdir()
    pieces = [*SPECIAL, *PIECES]
    config = SIZES | {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(pieces),
        "bos_token_id": 0,
        "eos_token_id": 1,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
    }
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [{"id": index, "content": text} | flags for index, text in enumerate(SPECIAL)],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": {piece: index for index, piece in enumerate(pieces)}, "merges": []},
    }
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[0],
        "eos_token": SPECIAL[1],
        "model_max_length": SIZES["max_position_embeddings"],
        "chat_template": CHAT_TEMPLATE,
    }
    for name, content in {"config": config, "tokenizer": tokenizer, "tokenizer_config": about}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
