"""GDAL's drivers: the one for each format, and all the others to leave out by name."""

from __future__ import annotations

DRIVERS = {
    "gpkg": "GPKG",
    "shp": "ESRI Shapefile",
    "fgb": "FlatGeobuf",
    "gpx": "GPX",
}

KNOWN_DRIVERS = frozenset(
    {
        "ADBC", "AIVector", "AVCBin", "AVCE00", "AmigoCloud", "Arrow", "CAD", "CSV", "CSW",
        "Carto", "DGN", "DXF", "DWG", "EDIGEO", "EEDA", "ESRI Shapefile", "ESRIJSON",
        "Elasticsearch", "FileGDB", "FlatGeobuf", "GDALG", "GML", "GMLAS", "GPKG", "GPSBabel",
        "GPX", "GTFS", "GeoJSON", "GeoJSONSeq", "GeoRSS", "HANA", "HDF5", "HTTP", "IDB",
        "Idrisi", "Interlis 1", "Interlis 2", "JML", "JP2OpenJPEG", "JSONFG", "KML", "LIBKML",
        "LVBAG", "MBTiles", "MEM", "MSSQLSpatial", "MVT", "MapInfo File", "MapML",
        "MiraMonVector", "MongoDBv3", "MySQL", "NAS", "NGW", "OAPIF", "OCI", "ODBC", "ODS",
        "OGCAPI", "OGR_GMT", "OGR_PDS", "OGR_VRT", "OSM", "OpenFileGDB", "PCIDSK", "PDF",
        "PDS4", "PGDUMP", "PGEO", "PLSCENES", "PMTiles", "Parquet", "PostgreSQL", "S57",
        "SOSI", "SQLite", "SVG", "SXF", "Selafin", "TopoJSON", "UK .NTF", "VDV", "VFK",
        "VICAR", "VRT", "WAsP", "WFS", "XLS", "XLSX", "XODR", "netCDF",
    }
)  # fmt: skip
"""GDAL 3.12's vector drivers, those of this wheel and those that other builds carry."""
