export { createParquetLoader, PARQUET_LIMITS, type ParquetLimits, parquetLoader } from "./loader.ts";
