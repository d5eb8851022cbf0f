// SPDX-License-Identifier: Apache-2.0
// The wire format of a SentencePiece ModelProto, as far as it is needed: pieces (1), trainer_spec (2), normalizer_spec
// (3). Debian ships the library without the generated header; the encoding is protobuf's
// (protobuf.dev/programming-guides/encoding).
#include <bit>
#include <cstring>

#include "slm/core/check.h"
#include "slm/text/sentencepiece.h"

namespace slm {
namespace {

enum Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  uint64_t value = 0;      ///< of a varint or a fixed-size field
  std::string_view bytes;  ///< of a length-delimited one
};

/// Reads the fields of one message; unknown ones are handed out too, and ignored by the callers.
class MessageReader {
 public:
  MessageReader(std::string_view message, const std::string& path) : message_(message), path_(path) {}

  bool next(Field& field) {
    if (at_ == message_.size()) return false;
    const uint64_t tag = varint();
    field = {.number = static_cast<uint32_t>(tag >> 3)};
    switch (tag & 7) {
      case kVarint:
        field.value = varint();
        break;
      case kFixed64:
        field.value = fixed(8);
        break;
      case kFixed32:
        field.value = fixed(4);
        break;
      case kBytes: {
        const uint64_t size = varint();
        need(size);
        field.bytes = message_.substr(at_, size);
        at_ += size;
        break;
      }
      default:
        throw FormatError(path_, fmt::format("[sentencepiece] wire type {}, expected a ModelProto", tag & 7));
    }
    return true;
  }

 private:
  void need(uint64_t size) const {
    if (size > message_.size() - at_)
      throw FormatError(path_,
                        fmt::format("[sentencepiece] field of {} bytes, but {} are left", size, message_.size() - at_));
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      need(1);
      const auto byte = static_cast<uint8_t>(message_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    throw FormatError(path_, "[sentencepiece] varint of more than 10 bytes, expected a ModelProto");
  }
  uint64_t fixed(size_t size) {
    need(size);
    uint64_t value = 0;
    std::memcpy(&value, message_.data() + at_, size);  // little endian, as every target of the library
    at_ += size;
    return value;
  }

  std::string_view message_;
  const std::string& path_;
  size_t at_ = 0;
};

class MessageWriter {
 public:
  void varint(uint32_t number, uint64_t value) { tag(number, kVarint), raw(value); }
  void int32(uint32_t number, int32_t value) { varint(number, static_cast<uint64_t>(static_cast<int64_t>(value))); }
  void bytes(uint32_t number, std::string_view value) {
    tag(number, kBytes);
    raw(value.size());
    message_.append(value);
  }
  void float32(uint32_t number, float value) {
    tag(number, kFixed32);
    const auto bits = std::bit_cast<uint32_t>(value);
    message_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  const std::string& message() const { return message_; }

 private:
  void tag(uint32_t number, Wire wire) { raw((static_cast<uint64_t>(number) << 3) | wire); }
  void raw(uint64_t value) {
    for (; value >= 0x80; value >>= 7) message_.push_back(static_cast<char>(static_cast<uint8_t>(value | 0x80)));
    message_.push_back(static_cast<char>(static_cast<uint8_t>(value)));
  }
  std::string message_;
};

SentencePieceSpec::Piece parse_piece(std::string_view message, const std::string& path) {
  SentencePieceSpec::Piece piece;
  MessageReader reader(message, path);
  for (Field field; reader.next(field);) {
    if (field.number == 1) piece.text = field.bytes;
    if (field.number == 2) piece.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    if (field.number == 3) {
      if (field.value < 1 || field.value > 6)
        throw FormatError(path, fmt::format("[sentencepiece] piece type {}, expected 1 to 6", field.value));
      piece.type = static_cast<TokenType>(field.value);
    }
  }
  return piece;
}

void parse_trainer(std::string_view message, const std::string& path, SentencePieceSpec& spec) {
  MessageReader reader(message, path);
  for (Field field; reader.next(field);) {
    const auto id = static_cast<int32_t>(static_cast<uint32_t>(field.value));
    if (field.number == 3) {
      if (field.value != 1 && field.value != 2)
        throw FormatError(path,
                          fmt::format("[sentencepiece] model type {}, expected 1 (unigram) or 2 (BPE)", field.value));
      spec.unigram = field.value == 1;
    }
    if (field.number == 24) spec.rewrites_text |= field.value != 0;  // treat_whitespace_as_suffix
    if (field.number == 40) spec.unk_id = id;
    if (field.number == 41) spec.bos_id = id;
    if (field.number == 42) spec.eos_id = id;
    if (field.number == 43) spec.pad_id = id;
  }
}

}  // namespace

SentencePieceSpec parse_sentencepiece(std::string_view model_proto, const std::string& path) {
  SentencePieceSpec spec;
  spec.unigram = spec.remove_extra_whitespaces = true;  // the defaults of the format
  MessageReader reader(model_proto, path);
  for (Field field; reader.next(field);) {
    if (field.number == 1) spec.pieces.push_back(parse_piece(field.bytes, path));
    if (field.number == 2) parse_trainer(field.bytes, path, spec);
    if (field.number == 3) {
      MessageReader normalizer(field.bytes, path);
      for (Field part; normalizer.next(part);) {
        if (part.number == 2) spec.rewrites_text |= !part.bytes.empty();  // precompiled_charsmap
        if (part.number == 3) spec.add_dummy_prefix = part.value != 0;
        if (part.number == 4) spec.remove_extra_whitespaces = part.value != 0;
        if (part.number == 5) spec.rewrites_text |= part.value == 0;  // escape_whitespaces
      }
    }
  }
  if (spec.pieces.empty()) throw FormatError(path, "[sentencepiece] no pieces, expected a ModelProto");
  return spec;
}

std::string serialize_sentencepiece(const SentencePieceSpec& spec) {
  MessageWriter model, trainer, normalizer;
  bool has_bytes = false;
  for (const SentencePieceSpec::Piece& piece : spec.pieces) {
    MessageWriter entry;
    entry.bytes(1, piece.text);
    entry.float32(2, piece.score);
    entry.varint(3, static_cast<uint64_t>(piece.type));
    model.bytes(1, entry.message());
    has_bytes |= piece.type == TokenType::Byte;
  }
  const auto text_of = [&](int32_t id, std::string_view none) {
    return id >= 0 && id < static_cast<int32_t>(spec.pieces.size()) ? std::string_view(spec.pieces[id].text) : none;
  };
  trainer.varint(3, spec.unigram ? 1 : 2);
  trainer.varint(35, has_bytes);
  trainer.int32(40, spec.unk_id);
  trainer.int32(41, spec.bos_id);
  trainer.int32(42, spec.eos_id);
  trainer.int32(43, spec.pad_id);
  trainer.bytes(45, text_of(spec.unk_id, "<unk>"));
  trainer.bytes(46, text_of(spec.bos_id, "<s>"));
  trainer.bytes(47, text_of(spec.eos_id, "</s>"));
  trainer.bytes(48, text_of(spec.pad_id, "<pad>"));
  model.bytes(2, trainer.message());
  normalizer.bytes(1, "identity");
  normalizer.varint(3, spec.add_dummy_prefix);
  normalizer.varint(4, spec.remove_extra_whitespaces);
  normalizer.varint(5, 1);
  model.bytes(3, normalizer.message());
  return model.message();
}

}  // namespace slm
