"""What the benchmarks of addresses share: releases of any size, and addresses as people write them."""
