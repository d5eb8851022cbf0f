# SPDX-License-Identifier: Apache-2.0
"""The tokenizers and chat templates of the tiny models (make_tiny_models.py), and their answers to fixed cases."""
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

TEXT = """The river rose in the night and the town moved to higher ground. When the water was low again
the people came back, counted what was left, and wrote down the height of the flood on the wall of the mill.
Then they went on with the harvest; there is nothing else that one can do in the end.
for (int i = 0; i < n; ++i) { sum += x[i] * y[i]; } return sum; def main(): print("the answer is", 42)
""" * 4
QWEN_SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
              r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TURN = "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
ASSISTANT = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"


def chatml(system):
    default = "" if not system else (
        "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n" + system +
        "<|im_end|>\\n' }}{% endif %}")
    return "{% for message in messages %}" + default + TURN + "{% endfor %}" + ASSISTANT


def make_tokenizer(kind):
    """320 ids: 256 bytes, 61 merges, 3 control tokens. kind: qwen2 | smollm (its pre-tokenizer)."""
    t = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind != "qwen2")
    if kind == "qwen2":
        t.normalizer = normalizers.NFC()
        t.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(QWEN_SPLIT), behavior="isolated"), byte_level])
    else:
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator([TEXT], trainers.BpeTrainer(
        vocab_size=320 - len(SPECIAL), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False))
    t.add_special_tokens([tokenizers.AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    assert t.get_vocab_size() == 320
    return t


CASES = ["the river rose", "  leading and   inner spaces \n\n\tand tabs", "it's 2024: 3.14159 + 42",
         "Größe, naïve, e\u0301 and \u00e9", "水は低きに流れる", "🌊🏠 flood 👩‍🚒",
         "", "\n", "for (int i = 0; i < n; ++i) { sum += x[i]; }"]
CHATS = [[{"role": "user", "content": "Is the bridge open?"}],
         [{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": "Hi"},
          {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "And now?"}]]


def tokenizer_answers(fast):
    plain = fast.backend_tokenizer
    cases = []
    for text in CASES:
        ids = plain.encode(text, add_special_tokens=False).ids
        cases.append({"text": text, "ids": ids, "decoded": plain.decode(ids, skip_special_tokens=False)})
    parsed = "a<|im_start|>b<|im_end|>"
    chats = []
    for messages in CHATS:
        text = fast.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        chats.append({"messages": messages, "text": text, "ids": plain.encode(text, add_special_tokens=False).ids})
    return {"cases": cases, "control_tokens_parsed": {"text": parsed, "ids": plain.encode(parsed).ids},
            "chats": chats}
