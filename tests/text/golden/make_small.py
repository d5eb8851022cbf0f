# SPDX-License-Identifier: Apache-2.0
"""Small tokenizers, and conversations rendered by the canonical chat templates. Called by make_golden.py."""
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = """The river rose in the night, and by four in the morning the lower road was under water. We'd moved the pumps
to the school; they'll run until the diesel's gone. "How many?" she asked. 12 pumps, 3,400 litres, 27.5 km of hose.
def level(t: float) -> float:\n    return 0.25 * t ** 2 + 1.75  # metres above datum\n\n\nfor i in range(100):\n\tprint(i)
Die Brücke über den Fluß ist gesperrt. Où est l'école ? El niño corrió mañana. Příliš žluťoučký kůň. Ναι, ὁ ποταμός.
河水在夜里上涨。学校有水泵。雨が降っている。강이 불었다. Река поднялась ночью. مرحبا بالعالم. नमस्ते दुनिया 🌊🌧️👩🏽‍🚒
""" * 4

CASES = ["", " ", "a", "Hello world", "We'd say: they'LL go, it'S ok, I'\u017Fee", "12345 pumps, 3 400 l", "a  b   c    d",
         "   leading", "trailing   ", "\n\n\n", " \n \r\n\t x", "line\r\nline", "tabs\t\tand\u00A0nbsp\u3000wide\u180Ebreak",
         "Brücke Bru\u0308cke \u212B A\u030A", "e\u0323\u0301 e\u0301\u0323", "河水在夜里上涨。", "강이 불었다 \u1100\u1161\u11A8",
         "🌊🌧️👩🏽‍🚒", "!!??...---", "x=1;y=[2,3]", "नमस्ते दुनिया", "Ⅷ ½ ² ٣", "\u0000nul", "<|im_start|>user\nhi<|im_end|>",
         "<tool>inner</tool>", "le Żuraw Z\u0307uraw", "pad \t<strip>  pad", "def level(t):\n    return t"]

QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def pre_tokenizer(name):
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    if name == "qwen2":
        return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), byte_level])
    if name == "llama3":
        return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), byte_level])
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return gpt2 if name == "gpt2" else pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])


CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
           "<|eot_id|>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"]


def train(name):
    tokenizer = Tokenizer(models.BPE())
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizer(name)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(vocab_size=460, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([TEXT], trainer)
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in CONTROL])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("</tool>", normalized=False),
                          AddedToken("    ", normalized=True), AddedToken("Żuraw", normalized=True),
                          AddedToken("<strip>", lstrip=True, rstrip=True, normalized=False)])
    if name == "llama3":
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
            single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))])])
    return tokenizer


def small_files(folder):
    for name in ("qwen2", "smollm", "gpt2", "llama3"):
        tokenizer = train(name)
        content = json.loads(tokenizer.to_str())
        if name == "llama3":
            content["model"]["ignore_merges"] = True
        if name in ("smollm", "gpt2"):  # the older way to write merges
            content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (folder / f"small_{name}.tokenizer.json").write_text(text + "\n")
        tokenizer = Tokenizer.from_str(text)
        rows = []
        for case in CASES:
            tokenizer.encode_special_tokens = True
            plain = tokenizer.encode(case, add_special_tokens=False).ids
            tokenizer.encode_special_tokens = False
            control = tokenizer.encode(case, add_special_tokens=False).ids
            rows.append({"text": case, "ids": plain, "control_ids": control, "decoded": tokenizer.decode(plain, skip_special_tokens=True)})
        (folder / f"small_{name}.cases.json").write_text(json.dumps(rows, indent=0, ensure_ascii=False) + "\n")


# ---- chat ----

LLAMA2 = ("{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}"
          "{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
          "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
          "{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
          "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
          "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}")
LLAMA3_CHAT = ("{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + "
               "'<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}"
               "{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}")
LLAMA31_CHAT = ("{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- set date_string = \"26 Jul 2024\" %}\n{%- endif %}\n"
                "{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n"
                "{%- else %}\n    {%- set system_message = \"\" %}\n{%- endif %}\n{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}\n"
                "{{- \"Cutting Knowledge Date: December 2023\\n\" }}\n{{- \"Today Date: \" + date_string + \"\\n\\n\" }}\n{{- system_message }}\n"
                "{{- \"<|eot_id|>\" }}\n{%- for message in messages %}\n    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ "
                "message['content'] | trim + '<|eot_id|>' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n"
                "    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}\n{%- endif %}\n")
ZEPHYR = ("{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
          "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n"
          "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n"
          "{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}")
GEMMA2 = ("{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
          "{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
          "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}")
GEMMA3 = ("{{ bos_token }}\n{%- if messages[0]['role'] == 'system' -%}\n    {%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}\n"
          "    {%- set loop_messages = messages[1:] -%}\n{%- else -%}\n    {%- set first_user_prefix = \"\" -%}\n    {%- set loop_messages = messages -%}\n{%- endif -%}\n"
          "{%- for message in loop_messages -%}\n    {%- if (message['role'] == 'assistant') -%}\n        {%- set role = \"model\" -%}\n    {%- else -%}\n"
          "        {%- set role = message['role'] -%}\n    {%- endif -%}\n    {{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else \"\") }}\n"
          "    {%- if message['content'] is string -%}\n        {{ message['content'] | trim }}\n    {%- endif -%}\n    {{ '<end_of_turn>\n' }}\n{%- endfor -%}\n"
          "{%- if add_generation_prompt -%}\n    {{'<start_of_turn>model\n'}}\n{%- endif -%}\n")
CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
CHATML_DEFAULT = ("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nIt\\'s calm.<|im_end|>\\n' }}{% endif %}"
                  "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
                  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")

U, A, S = (lambda text: {"role": "user", "content": text}), (lambda text: {"role": "assistant", "content": text}), (
    lambda text: {"role": "system", "content": text})
CONVERSATIONS = [
    [U("How high is the river?")],
    [S("You answer briefly."), U("How high is the river?")],
    [U("Hi"), A("Hello. What happened?"), U("  The road is under water.\n")],
    [S(" Two pumps \n"), U("12 + 30?"), A("42"), U("河水 et l'école 🌊"), A("Oui.\n\nYes."), U("\nthanks")],
    [U("")],
]


def render(template, messages, bos, eos):
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])  # as transformers does
    def raise_exception(message):
        raise ValueError(message)
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(template).render(messages=messages, bos_token=bos, eos_token=eos, add_generation_prompt=True)


def split_encode(text, control, encode):
    """Ids of a text in which the strings of `control` are tokens; what lies between is encoded by itself."""
    ids, start, at = [], 0, 0
    while at < len(text):
        match = next((c for c in control if text.startswith(c, at)), None)
        if match is None:
            at += 1
            continue
        ids += encode(text[start:at]) if at > start else []
        ids.append(control[match])
        start = at = at + len(match)
    return ids + (encode(text[start:]) if start < len(text) else [])


def chat_file(folder, data=None, models_folder=None):
    rows = []

    def add(vocabulary, template, bos, eos, encode, stored=True):
        for messages in CONVERSATIONS:
            if "System role not supported" in template and messages[0]["role"] == "system":
                continue
            text = render(template, messages, bos, eos)
            rows.append({"vocabulary": vocabulary, "template": template if stored else None, "bos": bos, "eos": eos,
                         "messages": messages, "text": text, "ids": encode(text)})

    for name, bos, eos, template in [("qwen2", "", "<|im_end|>", CHATML), ("smollm", "", "<|im_end|>", CHATML_DEFAULT),
                                     ("llama3", "<|begin_of_text|>", "<|eot_id|>", LLAMA3_CHAT),
                                     ("llama3", "<|begin_of_text|>", "<|eot_id|>", LLAMA31_CHAT),
                                     ("gpt2", "<bos>", "<eos>", GEMMA2), ("gpt2", "<bos>", "<eos>", GEMMA3),
                                     ("gpt2", "<bos>", "<eos>", ZEPHYR), ("gpt2", "<bos>", "<eos>", LLAMA2)]:
        tokenizer = Tokenizer.from_file(str(folder / f"small_{name}.tokenizer.json"))
        add(f"small_{name}.tokenizer.json", template, bos, eos, lambda text: tokenizer.encode(text, add_special_tokens=False).ids)
    if data:
        import gguf
        import sentencepiece
        from llama_cpp import Llama
        stored_template = lambda file: gguf.GGUFReader(str(models_folder / file)).fields["tokenizer.chat_template"].contents()
        qwen = Tokenizer.from_file(str(data / "tokenizers/qwen2.5/tokenizer.reconstructed.json"))
        file = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
        add(file, stored_template(file), "", "<|im_end|>", lambda text: qwen.encode(text, add_special_tokens=False).ids, stored=False)
        file = "smollm2-135m-instruct-q4_1.gguf"
        smollm = Llama(str(models_folder / file), vocab_only=True, verbose=False)
        add(file, stored_template(file), "", "<|im_end|>", lambda text: smollm.tokenize(text.encode(), add_bos=False, special=True), stored=False)
        llama2 = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizers/llama2/tokenizer.model"))
        for template in (LLAMA2, ZEPHYR):
            add("llama2/tokenizer.model", template, "<s>", "</s>",
                lambda text: split_encode(text, {"<s>": 1, "</s>": 2}, llama2.encode))
    (folder / "chat.json").write_text(json.dumps(rows, indent=0, ensure_ascii=False) + "\n")
