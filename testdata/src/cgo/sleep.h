#include <stddef.h>

void heapconv_sleep(void);
void heapconv_sleep_with(void *p);
void heapconv_call_back(int id);
void heapconv_thread(int id);
void *heapconv_memory(size_t n);
