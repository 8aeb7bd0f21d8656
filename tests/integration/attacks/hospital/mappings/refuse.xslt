<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:l="urn:example:lab">
  <xsl:template match="/">
    <xsl:message terminate="yes">refused: <xsl:value-of select="//l:orderNo"/></xsl:message>
  </xsl:template>
</xsl:stylesheet>
