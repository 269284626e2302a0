/* Laid before the C library when Bochs runs: Bochs seeds what RDRAND gives with the time of day,
 * and Linux takes its layout in memory from there. Without seed each run gives the same numbers. */
void srand(unsigned seed);

void srand(unsigned seed)
{
    (void)seed;
}
