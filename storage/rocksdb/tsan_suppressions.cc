// ThreadSanitizer does not see how libraries that were built without it synchronise. What it sees
// of memory from inside them is ignored, and so is the last release of an object that such a
// library counts the references of; our own accesses and locks are checked as ever.
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:librocksdb.so\n"
         "called_from_lib:libsnappy.so\n"
         "called_from_lib:libabsl_status.so\n"
         "race:absl::debian3::Status::Unref\n"
         "race:heddle::storage::ReleaseSnapshot\n";
}
#endif
