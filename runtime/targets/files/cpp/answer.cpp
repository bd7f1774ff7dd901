// Runs model.onnx on the golden input and compares what it answers with the golden output.
//
//   build/answer [folder]      the folder of model.onnx and golden.txt, by default this one

#include <onnxruntime_cxx_api.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Golden {
  std::string name, type;
  std::vector<int64_t> sizes;
  std::vector<char> bytes;
  std::vector<std::string> texts;
  double tolerance = 0;
  bool input = false;

  size_t count() const {
    size_t found = 1;
    for (int64_t size : sizes) found *= static_cast<size_t>(size);
    return found;
  }
};

const std::map<std::string, ONNXTensorElementDataType> kTypes = {
    {"float32", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT}, {"float64", ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    {"uint8", ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},   {"int8", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {"int16", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},   {"int32", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {"int64", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},   {"bool", ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    {"float16", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16}};

std::vector<char> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("there is no " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> texts_in(const std::vector<char>& bytes) {
  std::vector<std::string> found;
  for (size_t at = 0; at + 4 <= bytes.size();) {
    const auto* b = reinterpret_cast<const unsigned char*>(bytes.data() + at);
    const size_t length = b[0] | b[1] << 8 | b[2] << 16 | static_cast<size_t>(b[3]) << 24;
    found.emplace_back(bytes.data() + at + 4, length);
    at += 4 + length;
  }
  return found;
}

std::vector<Golden> golden_in(const std::string& folder) {
  std::ifstream list(folder + "/golden.txt");
  if (!list) throw std::runtime_error("there is no golden.txt in " + folder);
  std::vector<Golden> found;
  for (std::string line; std::getline(list, line);) {
    std::istringstream parts(line);
    std::string kind, sizes, file, tolerance, size;
    Golden one;
    std::getline(parts, kind, '\t');
    std::getline(parts, one.name, '\t');
    std::getline(parts, one.type, '\t');
    std::getline(parts, sizes, '\t');
    std::getline(parts, file, '\t');
    std::getline(parts, tolerance, '\t');
    one.input = kind == "input";
    one.tolerance = std::stod(tolerance);
    for (std::istringstream each(sizes); std::getline(each, size, 'x');) one.sizes.push_back(std::stoll(size));
    one.bytes = read(folder + "/" + file);
    if (one.type == "string") one.texts = texts_in(one.bytes);
    found.push_back(std::move(one));
  }
  return found;
}

Ort::Value tensor(Golden& one, const Ort::MemoryInfo& memory, OrtAllocator* allocator) {
  if (one.type == "string") {
    Ort::Value value = Ort::Value::CreateTensor(allocator, one.sizes.data(), one.sizes.size(),
                                                ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    for (size_t i = 0; i < one.texts.size(); ++i) value.FillStringTensorElement(one.texts[i].c_str(), i);
    return value;
  }
  return Ort::Value::CreateTensor(memory, one.bytes.data(), one.bytes.size(), one.sizes.data(),
                                  one.sizes.size(), kTypes.at(one.type));
}

template <typename T>
double difference(const void* ours, const Golden& one) {
  double most = 0;
  const T* found = static_cast<const T*>(ours);
  for (size_t i = 0; i < one.count(); ++i) {
    T theirs;
    std::memcpy(&theirs, one.bytes.data() + i * sizeof(T), sizeof(T));
    const double off = std::abs(static_cast<double>(found[i]) - static_cast<double>(theirs));
    most = std::isnan(off) ? std::numeric_limits<double>::infinity() : std::max(most, off);
  }
  return most;
}

double compared(const Ort::Value& value, const Golden& one) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  if (info.GetElementCount() != one.count()) return std::numeric_limits<double>::infinity();
  if (one.type == "string") {
    for (size_t i = 0; i < one.texts.size(); ++i)
      if (value.GetStringTensorElement(i) != one.texts[i]) return std::numeric_limits<double>::infinity();
    return 0;
  }
  const void* data = value.GetTensorRawData();
  if (one.type == "float32") return difference<float>(data, one);
  if (one.type == "float64") return difference<double>(data, one);
  if (one.type == "int64") return difference<int64_t>(data, one);
  if (one.type == "int32") return difference<int32_t>(data, one);
  return std::memcmp(data, one.bytes.data(), one.bytes.size()) ? std::numeric_limits<double>::infinity() : 0;
}

}  // namespace

int main(int count, char** arguments) try {
  const std::string folder = count > 1 ? arguments[1] : ".";
  std::vector<Golden> golden = golden_in(folder);

  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "answer");
  Ort::SessionOptions options;
#ifdef _WIN32
  const std::string path = folder + "\\model.onnx";
  Ort::Session session(environment, std::wstring(path.begin(), path.end()).c_str(), options);
#else
  Ort::Session session(environment, (folder + "/model.onnx").c_str(), options);
#endif
  Ort::AllocatorWithDefaultOptions allocator;
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);

  std::vector<const char*> inputs, outputs;
  std::vector<Ort::Value> feeds;
  std::vector<const Golden*> expected;
  for (Golden& one : golden) {
    if (one.input) {
      inputs.push_back(one.name.c_str());
      feeds.push_back(tensor(one, memory, allocator));
    } else {
      outputs.push_back(one.name.c_str());
      expected.push_back(&one);
    }
  }

  const auto began = std::chrono::steady_clock::now();
  const auto found = session.Run(Ort::RunOptions{nullptr}, inputs.data(), feeds.data(), feeds.size(),
                                 outputs.data(), outputs.size());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  std::cout << "answered in " << took.count() << " ms\n";

  bool right = true;
  for (size_t i = 0; i < found.size(); ++i) {
    const double off = compared(found[i], *expected[i]);
    const bool fine = off <= expected[i]->tolerance;
    right = right && fine;
    std::cout << (fine ? "right  " : "WRONG  ") << expected[i]->name << " (off by " << off << ", at most "
              << expected[i]->tolerance << ")\n";
  }
  return right ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 2;
}
