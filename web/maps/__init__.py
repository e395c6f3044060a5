"""The only room that knows Folium: pages with maps, and the base map under them."""
