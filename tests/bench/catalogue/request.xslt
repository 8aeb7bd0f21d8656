<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:b="urn:bench">
  <xsl:output method="text" encoding="UTF-8"/>
  <xsl:template match="/b:PlaceOrder">
    <xsl:text>{"visit_no":"</xsl:text><xsl:value-of select="b:visitNo"/>
    <xsl:text>","patient_id":"</xsl:text><xsl:value-of select="b:patientId"/>
    <xsl:text>","items":[</xsl:text>
    <xsl:apply-templates select="b:item"/>
    <xsl:text>]}</xsl:text>
  </xsl:template>
  <xsl:template match="b:item">
    <xsl:if test="position() &gt; 1">,</xsl:if>
    <xsl:text>{"code":"</xsl:text><xsl:value-of select="@code"/>
    <xsl:text>","name":"</xsl:text><xsl:value-of select="b:name"/>
    <xsl:text>","quantity":"</xsl:text><xsl:value-of select="b:quantity"/>
    <xsl:text>"}</xsl:text>
  </xsl:template>
</xsl:stylesheet>
