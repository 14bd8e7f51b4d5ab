"""Studies of tables that lie in a folder of Parquet files, on the workers of a Dask cluster."""
