"""Writes a GGUF file of the LLaMA architecture with random weights. The output depends only on this file.

llama.cpp loads it like any model; its size is 21 MB. It writes words without meaning and never stops by itself, so every
answer has `max_tokens` tokens. Any UTF-8 text can be a prompt, because every byte is a token.
"""

import array
import random
import struct
import sys

SEED = 1
CONTEXT = 8192
EMBEDDING = 256
LAYERS = 6
HEADS = 4
FEED_FORWARD = 512

# ChatML. With `chat_template_kwargs: {"enable_thinking": true}` the answer starts with reasoning. The model never ends it
# by itself; `thinking_budget_tokens` makes the server end it.
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking %}<think>\n{% endif %}{% endif %}"
)

WORDS = """
a about above accept access across action add address after again against agent all allow also always amount an analysis
and another answer any api append application apply approach are area argument array as ask assert assign async at
attempt available average avoid await back balance base batch be because become before begin behaviour below best better
between big binary block body boolean both bound branch break bridge buffer build by byte cache call can cancel capacity
case cause chain change channel character check child choice class clean clear client clock close cluster code collect
column combine command comment commit common compare compile complete compute concept condition config connect consider
constant consumer contain context continue contract control convert copy core correct cost count create current cursor
cycle data database date deadline debug decode default define delay delete depend derive describe design detail detect
develop device diagram difference different direct discover distance divide do document does domain done double down
draw drop during each early easy edge edit effect efficient either element else empty enable encode end engine enough
ensure enter entity entry equal error estimate even event every exact example exception exclude execute exist exit
expect explain export expression extend extra fact factor fail fall false fast feature fetch few field file fill filter
final find finish first fit fix flag float flow follow for force form format forward frame free frequent from full
function future gain garbage gate general generate get give global go good graph grid group grow guard guide half handle
happen hard has hash have head heap height help here hidden high hold host how however idea identify if ignore image
immutable implement import improve in include increase index inner input insert inside instance instead integer
interface internal into introduce invalid invoke is isolate issue it item iterate its join journal keep kernel key kind
know label lambda language large last late latency layer lazy leader leaf learn least leave left length less let level
library life like limit line link list listen literal little live load local lock log logic long look loop low machine
main make manage many map mark mask match matrix maximum may mean measure memory merge message method middle minimum
mirror missing mode model modern module monitor more most move much multiple must mutable name narrow native near need
nested network never new next no node none normal not note nothing notify now null number object observe of off offset
often old on once one only open operate optimise option or order origin other out outer output over own owner package
page pair panic parallel parameter parent parse part pass path pattern pause payload peak per perform period place plan
platform point policy poll pool port position possible power practice predict prefer prepare present pressure prevent
primary print private problem process produce product program project promise proof property protect protocol prove
public pull pure push quality query queue quick quite random range rank rate raw reach read ready real reason receive
record recover reduce refer region register reject relate release remain remove render repeat replace report request
require reset resolve resource response rest result retry return reuse review right root route row rule run runtime safe
same sample save scale scan schedule schema scope score search second section see select send sense separate sequence
serve service session set setting several shape share shift short should show side signal similar simple since single
size skip slice slow small snapshot so socket solve some sort source space span special speed split stable stack stage
standard start state static step still stop storage store stream string strong structure style subject submit such sum
supply support sure swap switch symbol sync system table tail take target task team tell template term test text than
that the their them then theory there these they thing think this thread three threshold through throughput time to
token tool top total trace track traffic transfer transform tree trigger true try tuple turn two type under union unique
unit until up update upon use user usually valid value variable vector verify version very view visible visit wait walk
want warning was watch way weight well were what when where whether which while who whole why wide width will window
with within without word work worker world would wrap write yield you zero zone
""".split()
MARKS = [",", ".", ":", ";", ".\n\n", ":\n\n- ", ".\n\n## "]

SPACE = "\u2581"  # the space in SentencePiece vocabularies
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def vocabulary():
    """Returns the pieces as (text, score, type), and the indices of the words and punctuation that the model writes."""
    pieces = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    pieces += [("<|im_start|>", 0.0, CONTROL), ("<|im_end|>", 0.0, CONTROL)]
    pieces += [("<think>", 0.0, USER_DEFINED), ("</think>", 0.0, USER_DEFINED)]
    pieces += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    words = [SPACE + word for word in WORDS]
    marks = [mark.replace(" ", SPACE) for mark in MARKS]
    # The tokenizer merges two neighbours at a time, so it reaches a word only through the word's prefixes.
    texts = {chr(c) for c in range(0x21, 0x7F)} | {SPACE, "\n"} | set(marks)
    texts |= {word[:end] for word in words for end in range(1, len(word) + 1)}
    pieces += [(text, float(len(text)), NORMAL) for text in sorted(texts)]
    at = {text: index for index, (text, _, _) in enumerate(pieces)}
    return pieces, [at[word] for word in words], [at[mark] for mark in marks]


# Directions of the embedding that no layer writes to.
CONSTANT = 0  # the same for every token, so an output row's weight here is a bias
AFTER_MARK = 1  # set only by punctuation
UNTOUCHED = 2
SUCCESSORS = 6  # of each piece, on average


def tensors(pieces, words, marks):
    """Yields name, dimensions (fastest first) and values of each tensor."""
    rng = random.Random(SEED)

    def matrix(columns, rows, deviation):
        bound = deviation * 3**0.5
        return array.array("f", (rng.uniform(-bound, bound) for _ in range(columns * rows)))

    def projection(columns, rows, gain=1.0):
        return matrix(columns, rows, gain * columns**-0.5)

    def residual(columns, gain):
        values = projection(columns, EMBEDDING, gain)
        values[: UNTOUCHED * columns] = array.array("f", bytes(4 * UNTOUCHED * columns))
        return values

    def ones():
        return array.array("f", [1.0]) * EMBEDDING

    inputs = matrix(EMBEDDING, len(pieces), 1.0)
    outputs = array.array("f", bytes(4 * EMBEDDING * len(pieces)))
    written = words + marks
    # A piece is likely after the few pieces whose embeddings its output row sums. Noise of the layers adds variety.
    for index in written:
        row = index * EMBEDDING
        before = [rng.choice(written) * EMBEDDING for _ in range(SUCCESSORS)]
        for d in range(EMBEDDING):
            outputs[row + d] = 0.03 * sum(inputs[b + d] for b in before)
    is_written, is_mark = set(written), set(marks)
    for index in range(len(pieces)):
        row = index * EMBEDDING
        inputs[row + CONSTANT] = 8.0
        inputs[row + AFTER_MARK] = 8.0 if index in is_mark else 0.0
        # Never bytes, word prefixes or the end of the turn; hardly ever punctuation after punctuation.
        outputs[row + CONSTANT] = 0.5 if index in is_mark else 0.0 if index in is_written else -20.0
        outputs[row + AFTER_MARK] = -20.0 if index in is_mark else 0.0

    yield "token_embd.weight", (EMBEDDING, len(pieces)), inputs
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", (EMBEDDING,), ones()
        yield block + "attn_q.weight", (EMBEDDING, EMBEDDING), projection(EMBEDDING, EMBEDDING, 2.0)
        yield block + "attn_k.weight", (EMBEDDING, EMBEDDING), projection(EMBEDDING, EMBEDDING, 2.0)
        yield block + "attn_v.weight", (EMBEDDING, EMBEDDING), projection(EMBEDDING, EMBEDDING)
        yield block + "attn_output.weight", (EMBEDDING, EMBEDDING), residual(EMBEDDING, 0.7)
        yield block + "ffn_norm.weight", (EMBEDDING,), ones()
        yield block + "ffn_gate.weight", (EMBEDDING, FEED_FORWARD), projection(EMBEDDING, FEED_FORWARD)
        yield block + "ffn_up.weight", (EMBEDDING, FEED_FORWARD), projection(EMBEDDING, FEED_FORWARD)
        yield block + "ffn_down.weight", (FEED_FORWARD, EMBEDDING), residual(FEED_FORWARD, 0.7)
    yield "output_norm.weight", (EMBEDDING,), ones()
    yield "output.weight", (EMBEDDING, len(pieces)), outputs


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
ENCODE = {
    U32: lambda v: struct.pack("<I", v),
    I32: lambda v: struct.pack("<i", v),
    F32: lambda v: struct.pack("<f", v),
    BOOL: lambda v: struct.pack("<?", v),
    STRING: text,
}


def one(key, kind, value):
    return text(key) + struct.pack("<I", kind) + ENCODE[kind](value)


def many(key, kind, values):
    head = text(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    return head + b"".join(map(ENCODE[kind], values))


def write(path):
    """Writes the model to `path`."""
    pieces, words, marks = vocabulary()
    texts, scores, kinds = zip(*pieces)
    end_of_turn = texts.index("<|im_end|>")
    about = [
        one("general.architecture", STRING, "llama"),
        one("general.name", STRING, "tokscope random words"),
        one("llama.context_length", U32, CONTEXT),
        one("llama.embedding_length", U32, EMBEDDING),
        one("llama.block_count", U32, LAYERS),
        one("llama.feed_forward_length", U32, FEED_FORWARD),
        one("llama.attention.head_count", U32, HEADS),
        one("llama.attention.head_count_kv", U32, HEADS),
        one("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        one("llama.rope.dimension_count", U32, EMBEDDING // HEADS),
        one("llama.vocab_size", U32, len(pieces)),
        one("tokenizer.ggml.model", STRING, "llama"),
        many("tokenizer.ggml.tokens", STRING, texts),
        many("tokenizer.ggml.scores", F32, scores),
        many("tokenizer.ggml.token_type", I32, kinds),
        one("tokenizer.ggml.unknown_token_id", U32, 0),
        one("tokenizer.ggml.bos_token_id", U32, 1),
        one("tokenizer.ggml.eos_token_id", U32, 2),
        one("tokenizer.ggml.eot_token_id", U32, end_of_turn),
        one("tokenizer.ggml.add_bos_token", BOOL, True),
        one("tokenizer.chat_template", STRING, CHAT_TEMPLATE),
    ]
    index, weights = [], bytearray()
    for name, dimensions, values in tensors(pieces, words, marks):
        if sys.byteorder == "big":
            values.byteswap()
        shape = struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
        index.append(text(name) + shape + struct.pack("<IQ", 0, len(weights)))  # type 0: 32-bit floats
        weights += values.tobytes()
        weights += bytes(-len(weights) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(index), len(about)) + b"".join(about + index)
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % 32) + weights)


if __name__ == "__main__":
    write(sys.argv[1])
