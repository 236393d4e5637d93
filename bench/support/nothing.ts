/** A program that does nothing: what starting any Node process from source costs here. */
process.exitCode = 0;
