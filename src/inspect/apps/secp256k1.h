/* SPDX-License-Identifier: GPL-2.0-or-later */
/* secp256k1 - whether bytes are a point of the curve (SEC 2, section 2.4.1): y^2 = x^3 + 7. */
#ifndef INSPECT_APPS_SECP256K1_H
#define INSPECT_APPS_SECP256K1_H

#include <stdbool.h>
#include <stdint.h>

#define SECP256K1_BYTES 32 /* of one coordinate */

/* x and then y, the higher bytes first. Some two microseconds. */
bool secp256k1_is_point(const uint8_t bytes[2 * SECP256K1_BYTES]);

#endif
