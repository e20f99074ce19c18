/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Anonymous mappings without reserve. */
#include <waymark/pages.h>

#include <sys/mman.h>

void *pages_new(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

void pages_populate(void *pages, size_t bytes)
{
	/* kernels before 5.14 refuse: then pages come as they are touched, as they do elsewhere */
#ifdef MADV_POPULATE_WRITE
	(void)madvise(pages, bytes, MADV_POPULATE_WRITE);
#else
	(void)pages, (void)bytes;
#endif
}

void pages_free(void *pages, size_t bytes)
{
	if (pages)
		munmap(pages, bytes);
}
